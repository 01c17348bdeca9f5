"""
Signers: HMAC for what lives minutes, Ed25519 for what others verify for years.
"""
