"""SDP, RTP, DTMF and the ng protocol, pure and SIP-ignorant."""
