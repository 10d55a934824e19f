"""How like @self it is: rehearsed on what really happened, measured, shown, and acted upon."""
