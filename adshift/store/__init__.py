"""A store of finished work; ``adshift.store.Store`` and ``NoStore`` are named by finished runs."""

from adshift.store.store import NoStore, Store

__all__ = ["NoStore", "Store"]
