"""Files, the network and the machine; nothing here knows of detection."""
