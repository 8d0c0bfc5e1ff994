-- A TN's timeline finds who took it off the market and who offered it again.
CREATE INDEX event_offered ON event (seq) WHERE kind IN ('tn.disabled', 'tn.enabled');
