"""From the archive to what is learned: windows, weights, splits, reports, exports."""
