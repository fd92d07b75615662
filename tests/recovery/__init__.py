"""Programs that kill, stop and race real processes, and check that nothing acked is lost or doubled."""
