"""Child processes: started as leaders of their own group, watched, and gone when their parent is."""
