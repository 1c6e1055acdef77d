"""What a plugin sees: the classes it derives from, what they are given, and the hooks it may implement."""
