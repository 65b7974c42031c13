"""Where the client meets its caller and the operating system: threads, asyncio, local files."""
