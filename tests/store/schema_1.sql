-- What the desk keeps. No column holds clear text of a call: rows hold ids, times, policy and sealed blobs.
-- Times of day are RFC 3339 in UTC; times in a call are milliseconds from its start.

-- One conversation. Deleted when its last artifact is gone.
create table calls (
  id text primary key,                 -- UUIDv7
  started_at text not null,
  ended_at text,                       -- null while the call runs
  end_reason text,                     -- closed list of call/session.py; null while the call runs
  source text not null,                -- way in: siprec, replay
  trunk text not null,                 -- address of the PBX
  extension text not null,             -- the agent's own number; '' where the PBX did not say
  party_ref text,                      -- keyed hash of the caller's number; null where there was none
  flags text not null                  -- JSON array of what was odd about the signalling
) strict;

-- What is kept of a call: one row per sealed file, and one for the masked transcript in `segments`.
create table artifacts (
  id integer primary key,
  call text not null references calls (id) on delete cascade,
  kind text not null check (kind in ('recording', 'transcript', 'masked_transcript')),
  part integer not null,               -- 0 for the first file of the call
  file text,                           -- name in recordings/; null for what lies in this database
  sha256 text,                         -- of the sealed file; null for what lies in this database
  size_bytes integer,
  duration_ms integer,
  state text not null,                 -- open, closed, interrupted
  unique (call, kind, part)
) strict;

-- Why an artifact may be kept, and until when. An artifact dies when its last grant has ended and no hold covers it.
create table grants (
  artifact integer not null references artifacts (id) on delete cascade,
  purpose text not null check (purpose in ('documentation', 'quality', 'training')),
  legal_basis text not null,
  granted_at text not null,
  expires_at text not null,
  primary key (artifact, purpose)
) strict;
create index grants_by_expiry on grants (expires_at);

-- Masked text as it came over the relay, sealed with the call's own key (text-keys/CALL.key).
create table segments (
  id integer primary key,
  call text not null references calls (id) on delete cascade,
  channel text not null,
  sequence integer not null,
  t0_ms integer not null,
  t1_ms integer not null,
  labels text not null,                -- JSON array of the labels in the text
  held integer not null,               -- 1 where the gate had held it back
  delay_ms integer not null,           -- end of phrase to release
  held_ms integer not null,            -- the part of it that was held on purpose
  sealed blob not null
) strict;
create index segments_by_call on segments (call, id);

-- Sections shown to the agent. What they point at is product terms, not the call.
create table suggestions (
  id integer primary key,
  call text not null references calls (id) on delete cascade,
  segment integer not null references segments (id) on delete cascade,
  doc text not null,
  section text not null,
  title text not null,
  score real not null,
  t_ms integer not null,               -- time in the call at which it was shown
  delay_ms integer not null            -- end of the phrase that led to it, to shown
) strict;

-- What is missing, and why.
create table gaps (
  id integer primary key,
  call text references calls (id) on delete cascade,  -- null where the whole box is concerned
  channel text,
  kind text not null,
  t0_ms integer not null,
  t1_ms integer not null,
  count integer not null,
  noticed_at text not null
) strict;

-- The last frame of each start of the listener that has been written.
create table relay (
  boot text primary key,
  sequence integer not null
) strict;
