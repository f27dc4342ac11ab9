"""One address for everybody: login, servers started on demand, and each person taken to their own tasks."""
