"""What crosses the network: Pydantic models, requests apart from responses, and entities as folders."""
