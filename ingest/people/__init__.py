"""Who is who: accounts to people, people to handles, names in text to people."""
