"""A door for programs: routes from wire models to services and back."""
