"""The commands that look after the drive. What is needed to do so is loaded when one of them runs."""
