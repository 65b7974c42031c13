"""The provider-neutral verbs vocabulary: ``types`` and ``interfaces``."""
