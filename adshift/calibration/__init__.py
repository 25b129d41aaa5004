"""Thresholds from calibration scores, one file a calibrator; anomalous if score >= threshold."""
