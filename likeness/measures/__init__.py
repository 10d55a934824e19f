"""How alike: what each player said, measured between another member and @self."""
