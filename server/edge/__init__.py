"""Where the server touches the operating system, file systems apart."""
