"""Where a watch tells what it saw: a webhook, an MQTT broker; at least once, in order, whatever is down meanwhile."""
