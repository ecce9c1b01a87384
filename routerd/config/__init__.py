"""The routing document: structs, validation, static analysis, compiler."""
