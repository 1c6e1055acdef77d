"""The contracts with plugins: base classes to derive from, the objects passed to them, and hooks to implement."""
