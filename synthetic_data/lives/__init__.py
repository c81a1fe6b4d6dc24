"""Lives in the country: who lives here, who comes and leaves, who is born and dies, and at which address."""
