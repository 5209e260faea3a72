"""The compiler: from a directory of YAML per expert to a signed `.expert`."""
