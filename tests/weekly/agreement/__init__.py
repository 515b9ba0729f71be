"""Cases, plain implementations and other packages' evaluators for the tests of agreement."""
