"""Every routing decision, pure and SIP-ignorant."""
