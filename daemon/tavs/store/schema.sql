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
  flags text not null,                 -- JSON array of what was odd about the signalling
  policy integer                       -- version of the policy in force when it ended, and so of the notice; null while it runs
) strict;
create index calls_by_party on calls (party_ref) where party_ref is not null;

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
  keep_until text not null default '', -- end of its last grant, kept by the triggers below; '' where it has none
  unique (call, kind, part)
) strict;
create index artifacts_by_end on artifacts (keep_until);

-- Why an artifact may be kept, and until when. An artifact dies when its last grant has ended and no hold covers it.
create table grants (
  artifact integer not null references artifacts (id) on delete cascade,
  purpose text not null check (purpose in ('documentation', 'quality', 'training', 'limitation')),
  legal_basis text not null,
  granted_at text not null,
  expires_at text not null,            -- frozen: only a confirmed shorter policy moves it
  origin text not null,                -- 'policy N' or 'hold N'
  ended_at text,                       -- ended before its time; null otherwise
  ended_by text check (ended_by in ('withdrawal', 'objection', 'erasure', 'policy')),
  primary key (artifact, purpose)
) strict;

create trigger grant_given after insert on grants begin
  update artifacts set keep_until = (select max(coalesce(ended_at, expires_at)) from grants where artifact = new.artifact)
  where id = new.artifact;
end;
create trigger grant_changed after update on grants begin
  update artifacts set keep_until = (select max(coalesce(ended_at, expires_at)) from grants where artifact = new.artifact)
  where id = new.artifact;
end;

-- What the customer answered, and how it is known. The latest answer for a purpose decides; two that contradict are none.
create table consents (
  id integer primary key,
  call text not null references calls (id) on delete cascade,
  purpose text not null check (purpose = 'quality'),
  answer text not null check (answer in ('yes', 'no', 'unclear')),
  source text not null check (source in ('dtmf', 'header', 'metadata', 'pbx', 'officer')),
  pressed text not null,               -- the key or value as it came; '' where the source has none
  prompt text not null,                -- id of what was asked; '' where not known
  prompt_version text not null,
  language text not null,
  at text not null,                    -- when it was given
  recorded_at text not null,
  recorded_by text not null            -- program or login
) strict;
create index consents_by_call on consents (call);

-- What stops a deletion: over one call, or over all calls of a number, later ones too. Never deleted.
create table holds (
  id integer primary key,
  kind text not null check (kind in ('complaint', 'dispute', 'case', 'access', 'restriction')),
  call text,
  party_ref text,
  transcript_basis text,               -- legal basis on which the transcript is kept too; null where it is not
  case_ref text not null,              -- pattern of retention/holds.py; '' where there is none
  reason_sealed blob not null,         -- prose, sealed to the site's public key
  reason_sha256 text not null,
  owner text not null,
  placed_at text not null,
  placed_by text not null,             -- login
  review_on text not null,             -- date by which somebody must look again
  released_at text,
  released_by text,
  outcome text,
  check ((call is null) <> (party_ref is null))
) strict;
create index holds_by_call on holds (call) where released_at is null and call is not null;
create index holds_by_party on holds (party_ref) where released_at is null and party_ref is not null;

-- The retention policies that were ever in force. The highest version is in force.
create table policies (
  version integer primary key,
  document text not null,              -- JSON, as retention/policy.py writes it
  sha256 text not null,
  in_force_from text not null,
  applied_by text not null,
  confirmed_at text                    -- when what was kept already was shortened by it; null where that was never done
) strict;

-- Artifacts on their way out: marked here before anything is destroyed, dropped when all of it is gone.
create table deletions (
  artifact integer primary key,
  call text not null,
  kind text not null,
  part integer not null,
  file text,
  reason text not null,                -- closed list of retention/policy.py
  marked_at text not null
) strict;

-- What was deleted, why and when, with the head of the audit chain at that moment. Never deleted.
create table receipts (
  artifact integer primary key,
  call text not null,
  kind text not null,
  part integer not null,
  reason text not null,
  deleted_at text not null,
  head text not null                   -- hash of the audit row that tells of it
) strict;
create index receipts_by_call on receipts (call);

-- Everything that was decided about what is kept. Append-only, each row bound to the one before by its hash.
create table audit (
  sequence integer primary key,        -- without gaps from 1
  at text not null,
  kind text not null,                  -- closed list of store/audit.py
  actor text not null,                 -- program or login
  call text,
  detail text not null,                -- JSON object of numbers, enums, dates and references, its keys sorted
  previous text not null,              -- hash of the row before; 64 zeros for the first
  hash text not null
) strict;
create trigger audit_is_not_changed before update on audit begin select raise(abort, 'audit rows are not changed'); end;
create trigger audit_is_not_deleted before delete on audit begin select raise(abort, 'audit rows are not deleted'); end;

-- Signed heads of the chain, so that a cut tail or a chain written anew shows.
create table heads (
  sequence integer primary key,
  hash text not null,
  signed_at text not null,
  signature text not null              -- Ed25519 over sequence and hash, hex (store/audit.py)
) strict;

-- Runs of the sweep. One row each; the last completed one is a metric.
create table sweeps (
  id integer primary key,
  started_at text not null,
  completed_at text,                   -- null for one that runs, was stopped or died
  deleted integer not null default 0,
  held integer not null default 0,     -- due but for a hold
  free_bytes integer,                  -- of the recordings' disk when it completed: the forecast is made of these
  suspended text                       -- why nothing was deleted; null where the clock was trusted
) strict;

-- The clock guard's memory: one row.
create table clock (
  id integer primary key check (id = 1),
  wall text not null,                  -- the latest time that was trusted
  boottime_s real not null,            -- seconds since boot at that moment, sleep included
  boot_id text not null,
  suspended_since text,                -- null while the clock is trusted
  confirmed_at text,
  confirmed_by text
) strict;

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
  delay_ms integer not null,           -- end of the phrase that led to it, to shown
  engine text not null default 'local' check (engine in ('local', 'openai', 'fallback'))  -- who picked it
) strict;
create index suggestions_by_call on suggestions (call, id);
create index suggestions_by_segment on suggestions (segment);

-- What the agent thought of a suggestion. The masked words it answered are the segments up to its own: the two go together.
create table feedback (
  suggestion integer not null references suggestions (id) on delete cascade,
  verdict text not null check (verdict in ('opened', 'useful', 'not_useful', 'said')),
  at text not null,
  primary key (suggestion, verdict)
) strict;

-- Every payload that was to leave the box for the advisory model: written before its first byte is sent, a chain by hash.
create table egress (
  id integer primary key,              -- ascending without gaps; the oldest rows go after a year
  at text not null,
  call text not null,                  -- no reference: the row outlives the call
  host text not null,                  -- HOST:PORT of the endpoint
  model text not null,
  segments text not null,              -- JSON array of the ids of the masked segments in it
  sections text not null,              -- JSON array of [doc, version, section, digest of what it said] in it
  size_bytes integer not null,
  sha256 text not null,                -- of the payload as it was sent
  previous text not null,              -- hash of the row before; 64 zeros for the first
  hash text not null
) strict;
create index egress_by_call on egress (call);

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
create index gaps_by_call on gaps (call);

-- The last frame of each start of the listener that has been written.
create table relay (
  boot text primary key,
  sequence integer not null
) strict;
