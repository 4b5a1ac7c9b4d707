"""Users, groups and keys: values, rules, use-cases, and the interface of their storage."""
