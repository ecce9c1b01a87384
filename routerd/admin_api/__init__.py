"""The admin API: Litestar over msgspec structs, in the control process."""
