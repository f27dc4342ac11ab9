"""Who answers what: tasks dealt out exactly, leased when somebody asks, never kept for somebody who is not there."""
