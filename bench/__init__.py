"""Speed and memory of cloudsvc beside other servers, all measured in one run: ``python -m bench``."""
