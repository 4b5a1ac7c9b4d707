"""What every room may know: errors and their kinds, actors, secrets, time. Imports nothing of cloudsvc."""
