"""The command line: joins the commands of every package."""
