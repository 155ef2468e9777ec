def test_placeholder():
    import platform.search_space
