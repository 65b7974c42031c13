"""(docstring pending)"""
