"""What happens outside of jug while it works: forks, other users, hostile files, notebooks."""
