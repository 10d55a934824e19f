"""What is done by itself: jobs at times of the settings, kept over restarts."""
