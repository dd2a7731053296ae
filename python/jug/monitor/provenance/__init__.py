"""What results were made of: the chain of tasks down to plain arguments and files, printed or exported."""
