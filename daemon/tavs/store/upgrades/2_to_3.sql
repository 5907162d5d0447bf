-- From schema 2: suggestions name who picked them; what agents thought of them, and what left for the advisory model, come in.

alter table suggestions add column engine text not null default 'local' check (engine in ('local', 'openai', 'fallback'));

create table feedback (
  suggestion integer not null references suggestions (id) on delete cascade,
  verdict text not null check (verdict in ('opened', 'useful', 'not_useful', 'said')),
  at text not null,
  primary key (suggestion, verdict)
) strict;

create table egress (
  id integer primary key,
  at text not null,
  call text not null,
  host text not null,
  model text not null,
  segments text not null,
  sections text not null,
  size_bytes integer not null,
  sha256 text not null,
  previous text not null,
  hash text not null
) strict;
create index egress_by_call on egress (call);
