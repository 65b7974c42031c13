"""Where the client meets the operating system: connections, threads, signals, local files."""
