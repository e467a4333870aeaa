"""nodeflow's own HTTP API, by topic: each module tells its routes in `ROUTES`."""
