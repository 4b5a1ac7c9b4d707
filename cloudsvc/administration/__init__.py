"""What an administrator does with a drive as a whole: verify, clean, export, import, back up, restore, count."""
