CREATE FUNCTION public.event_append_only() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
    BEGIN
        IF TG_OP = 'DELETE' AND OLD.at < (SELECT keep_from FROM retention) THEN
            RETURN OLD;
        END IF;
        RAISE EXCEPTION 'the audit is append-only';
    END $$;
CREATE TABLE public.bucket (
    key_id text NOT NULL,
    tat bigint NOT NULL,
    blocked_until bigint NOT NULL
)
WITH (fillfactor='70');
CREATE TABLE public.channel (
    team text NOT NULL,
    channel text NOT NULL,
    sealed_key text,
    sealed_session text,
    key_id text,
    hint text,
    set_by text,
    set_at bigint,
    settings text DEFAULT '{}'::text NOT NULL,
    updated_at bigint NOT NULL,
    left_at bigint
);
CREATE TABLE public.event (
    seq bigint NOT NULL,
    at bigint NOT NULL,
    event text NOT NULL,
    reference text,
    team text NOT NULL,
    channel text NOT NULL,
    "user" text NOT NULL,
    workflow_id text,
    force integer NOT NULL,
    reason text NOT NULL,
    outcome text,
    detail text NOT NULL
);
ALTER TABLE public.event ALTER COLUMN seq ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.event_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.job (
    id text NOT NULL,
    idem text NOT NULL,
    twin text NOT NULL,
    state text NOT NULL,
    phase text NOT NULL,
    payload text NOT NULL,
    team text NOT NULL,
    channel text NOT NULL,
    workflow_id text NOT NULL,
    due_at bigint NOT NULL,
    prev_due_at bigint,
    owner text,
    prev_owner text,
    fence bigint NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    CONSTRAINT job_state_check CHECK ((state = ANY (ARRAY['open'::text, 'done'::text])))
)
WITH (fillfactor='70');
CREATE TABLE public.key_link (
    hash text NOT NULL,
    kind text NOT NULL,
    team text NOT NULL,
    channel text NOT NULL,
    "user" text NOT NULL,
    sealed text,
    reference text,
    expires_at bigint NOT NULL,
    tries integer DEFAULT 0 NOT NULL
);
CREATE TABLE public.migration (
    name text NOT NULL,
    applied_at bigint NOT NULL
);
CREATE TABLE public.retention (
    keep_from bigint NOT NULL
);
CREATE TABLE public.session (
    team text NOT NULL,
    channel text NOT NULL,
    "user" text NOT NULL,
    sealed_session text NOT NULL,
    name text NOT NULL,
    expires_at bigint NOT NULL,
    connected_at bigint NOT NULL,
    told_at bigint
);
INSERT INTO public.bucket VALUES ('e965e3a2b7bde47e', 1764554271603, 0);
INSERT INTO public.bucket VALUES ('e965e3a2b7bde47e watches', 1764554272597, 0);
INSERT INTO public.channel VALUES ('T0HALTBOT', 'C0000000B', 'v1.vcfWHEGuUVUt3EGgnB6WQKECWbhXXjfEsZsPp60ytB0rIuh_4Um8EHklq1xb0GKKnFnJFs_X86LupMKXIxCshDnLjWjn8yMWwzRVCag=', NULL, 'e965e3a2b7bde47e', 'vibe_api_5e5e5e5…5e5e', 'user:U0000000C', 1764554265473, '{"portal": "https://demo.bitrix24.com", "force_needs_reason": true, "breaker_limit": 50}', 1764554265476, NULL);
INSERT INTO public.event OVERRIDING SYSTEM VALUE VALUES (1, 1764554265470, 'key_set', NULL, 'T0HALTBOT', 'C0000000B', 'user:U0000000C', NULL, 0, '', NULL, '{"hint":"vibe_api_2cb5f4d…8118"}');
INSERT INTO public.event OVERRIDING SYSTEM VALUE VALUES (2, 1764554265473, 'key_set', NULL, 'T0HALTBOT', 'C0000000B', 'user:U0000000C', NULL, 0, '', NULL, '{"hint":"vibe_api_5e5e5e5…5e5e"}');
INSERT INTO public.event OVERRIDING SYSTEM VALUE VALUES (3, 1764554265476, 'settings', NULL, 'T0HALTBOT', 'C0000000B', 'test', NULL, 0, '', NULL, '{}');
INSERT INTO public.event OVERRIDING SYSTEM VALUE VALUES (4, 1764554265524, 'requested', 'y583c9n7bt6c', 'T0HALTBOT', 'C0000000B', 'U0000000C', '684ee181a1b2c3.00000001', 0, 'it loops', NULL, '{}');
INSERT INTO public.event OVERRIDING SYSTEM VALUE VALUES (5, 1764554265529, 'admitted', 'y583c9n7bt6c', 'T0HALTBOT', 'C0000000B', 'U0000000C', '684ee181a1b2c3.00000001', 0, 'it loops', NULL, '{}');
INSERT INTO public.event OVERRIDING SYSTEM VALUE VALUES (6, 1764554265531, 'attempted', 'y583c9n7bt6c', 'T0HALTBOT', 'C0000000B', 'U0000000C', '684ee181a1b2c3.00000001', 0, 'it loops', NULL, '{"attempt":1,"soft_first":false}');
INSERT INTO public.event OVERRIDING SYSTEM VALUE VALUES (7, 1764554265536, 'outcome', 'y583c9n7bt6c', 'T0HALTBOT', 'C0000000B', 'U0000000C', '684ee181a1b2c3.00000001', 0, 'it loops', 'gone_verified', '{"tries":1,"recovered":false,"status":204}');
INSERT INTO public.event OVERRIDING SYSTEM VALUE VALUES (8, 1764554265579, 'requested', 'bjygwbbmj3dg', 'T0HALTBOT', 'C0000000B', 'U0000000C', '684ee182a1b2c3.00000002', 0, 'it loops', NULL, '{}');
INSERT INTO public.event OVERRIDING SYSTEM VALUE VALUES (9, 1764554265583, 'admitted', 'bjygwbbmj3dg', 'T0HALTBOT', 'C0000000B', 'U0000000C', '684ee182a1b2c3.00000002', 0, 'it loops', NULL, '{}');
INSERT INTO public.event OVERRIDING SYSTEM VALUE VALUES (10, 1764554265584, 'attempted', 'bjygwbbmj3dg', 'T0HALTBOT', 'C0000000B', 'U0000000C', '684ee182a1b2c3.00000002', 0, 'it loops', NULL, '{"attempt":1,"soft_first":false}');
INSERT INTO public.event OVERRIDING SYSTEM VALUE VALUES (11, 1764554265587, 'outcome', 'bjygwbbmj3dg', 'T0HALTBOT', 'C0000000B', 'U0000000C', '684ee182a1b2c3.00000002', 0, 'it loops', 'failed:SCOPE_DENIED', '{"tries":1,"recovered":false,"code":"SCOPE_DENIED","status":403}');
INSERT INTO public.event OVERRIDING SYSTEM VALUE VALUES (12, 1764554265634, 'requested', 'qpbsjxgdmk85', 'T0HALTBOT', 'C0000000B', 'U0000000C', '684ee183a1b2c3.00000003', 1, 'it loops', NULL, '{}');
INSERT INTO public.event OVERRIDING SYSTEM VALUE VALUES (13, 1764554265638, 'admitted', 'qpbsjxgdmk85', 'T0HALTBOT', 'C0000000B', 'U0000000C', '684ee183a1b2c3.00000003', 1, 'it loops', NULL, '{}');
INSERT INTO public.event OVERRIDING SYSTEM VALUE VALUES (14, 1764554265649, 'cancelled', 'qpbsjxgdmk85', 'T0HALTBOT', 'C0000000B', 'U0000000C', '684ee183a1b2c3.00000003', 1, 'it loops', 'cancelled', '{"tries":0,"recovered":false}');
INSERT INTO public.event OVERRIDING SYSTEM VALUE VALUES (15, 1764554265703, 'requested', 'za5pb4jhqxy7', 'T0HALTBOT', 'C0000000B', 'U0000000C', '684ee184a1b2c3.00000004', 0, 'it sends letters', NULL, '{}');
INSERT INTO public.event OVERRIDING SYSTEM VALUE VALUES (16, 1764554265707, 'admitted', 'za5pb4jhqxy7', 'T0HALTBOT', 'C0000000B', 'U0000000C', '684ee184a1b2c3.00000004', 0, 'it sends letters', NULL, '{}');
INSERT INTO public.event OVERRIDING SYSTEM VALUE VALUES (17, 1764554265709, 'attempted', 'za5pb4jhqxy7', 'T0HALTBOT', 'C0000000B', 'U0000000C', '684ee184a1b2c3.00000004', 0, 'it sends letters', NULL, '{"attempt":1,"soft_first":false}');
INSERT INTO public.event OVERRIDING SYSTEM VALUE VALUES (18, 1764554265714, 'accepted', 'za5pb4jhqxy7', 'T0HALTBOT', 'C0000000B', 'U0000000C', '684ee184a1b2c3.00000004', 0, 'it sends letters', 'accepted', '{}');
INSERT INTO public.event OVERRIDING SYSTEM VALUE VALUES (19, 1764554267819, 'still_running', 'za5pb4jhqxy7', 'T0HALTBOT', 'C0000000B', 'U0000000C', '684ee184a1b2c3.00000004', 0, 'it sends letters', 'accepted', '{}');
INSERT INTO public.event OVERRIDING SYSTEM VALUE VALUES (20, 1764554268165, 'requested', 'pgfutcrhs775', 'T0HALTBOT', 'C0000000B', 'U0000000C', '684ee185a1b2c3.00000005', 1, 'it sends letters', NULL, '{}');
INSERT INTO public.event OVERRIDING SYSTEM VALUE VALUES (21, 1764554268173, 'admitted', 'pgfutcrhs775', 'T0HALTBOT', 'C0000000B', 'U0000000C', '684ee185a1b2c3.00000005', 1, 'it sends letters', NULL, '{}');
INSERT INTO public.event OVERRIDING SYSTEM VALUE VALUES (22, 1764554268531, 'requested', '6mc29t3xbnhe', 'T0HALTBOT', 'C0000000B', 'U0000000C', '684ee186a1b2c3.00000006', 0, 'it sends letters', NULL, '{}');
INSERT INTO public.event OVERRIDING SYSTEM VALUE VALUES (23, 1764554268551, 'admitted', '6mc29t3xbnhe', 'T0HALTBOT', 'C0000000B', 'U0000000C', '684ee186a1b2c3.00000006', 0, 'it sends letters', NULL, '{}');
INSERT INTO public.event OVERRIDING SYSTEM VALUE VALUES (24, 1764554268561, 'attempted', '6mc29t3xbnhe', 'T0HALTBOT', 'C0000000B', 'U0000000C', '684ee186a1b2c3.00000006', 0, 'it sends letters', NULL, '{"attempt":1,"soft_first":false}');
INSERT INTO public.event OVERRIDING SYSTEM VALUE VALUES (25, 1764554268577, 'accepted', '6mc29t3xbnhe', 'T0HALTBOT', 'C0000000B', 'U0000000C', '684ee186a1b2c3.00000006', 0, 'it sends letters', 'accepted', '{}');
INSERT INTO public.event OVERRIDING SYSTEM VALUE VALUES (26, 1764554268894, 'requested', 'mjvypwmy5s3k', 'T0HALTBOT', 'C0000000B', 'U0000000C', '684ee187a1b2c3.00000007', 0, 'it loops', NULL, '{}');
INSERT INTO public.event OVERRIDING SYSTEM VALUE VALUES (27, 1764554268901, 'admitted', 'mjvypwmy5s3k', 'T0HALTBOT', 'C0000000B', 'U0000000C', '684ee187a1b2c3.00000007', 0, 'it loops', NULL, '{}');
INSERT INTO public.event OVERRIDING SYSTEM VALUE VALUES (28, 1764554268904, 'attempted', 'mjvypwmy5s3k', 'T0HALTBOT', 'C0000000B', 'U0000000C', '684ee187a1b2c3.00000007', 0, 'it loops', NULL, '{"attempt":1,"soft_first":false}');
INSERT INTO public.event OVERRIDING SYSTEM VALUE VALUES (29, 1764554268914, 'try_failed', 'mjvypwmy5s3k', 'T0HALTBOT', 'C0000000B', 'U0000000C', '684ee187a1b2c3.00000007', 0, 'it loops', NULL, '{"code":"BITRIX_UNAVAILABLE","status":502,"wait_ms":1028}');
INSERT INTO public.event OVERRIDING SYSTEM VALUE VALUES (30, 1764554269962, 'attempted', 'mjvypwmy5s3k', 'T0HALTBOT', 'C0000000B', 'U0000000C', '684ee187a1b2c3.00000007', 0, 'it loops', NULL, '{"attempt":2,"soft_first":false}');
INSERT INTO public.event OVERRIDING SYSTEM VALUE VALUES (31, 1764554269974, 'try_failed', 'mjvypwmy5s3k', 'T0HALTBOT', 'C0000000B', 'U0000000C', '684ee187a1b2c3.00000007', 0, 'it loops', NULL, '{"code":"BITRIX_UNAVAILABLE","status":502,"wait_ms":2249}');
INSERT INTO public.event OVERRIDING SYSTEM VALUE VALUES (32, 1764554270271, 'requested', '2j6gtkk43brb', 'T0HALTBOT', 'C0000000B', 'U0000000C', '684ee188a1b2c3.00000008', 0, 'it loops', NULL, '{}');
INSERT INTO public.event OVERRIDING SYSTEM VALUE VALUES (33, 1764554270278, 'requested', 'rtqg59msghkr', 'T0HALTBOT', 'C0000000B', 'U0000000C', '684ee189a1b2c3.00000009', 0, 'it loops', NULL, '{}');
INSERT INTO public.event OVERRIDING SYSTEM VALUE VALUES (34, 1764554270280, 'admitted', '2j6gtkk43brb', 'T0HALTBOT', 'C0000000B', 'U0000000C', '684ee188a1b2c3.00000008', 0, 'it loops', NULL, '{}');
INSERT INTO public.event OVERRIDING SYSTEM VALUE VALUES (35, 1764554270281, 'admitted', 'rtqg59msghkr', 'T0HALTBOT', 'C0000000B', 'U0000000C', '684ee189a1b2c3.00000009', 0, 'it loops', NULL, '{}');
INSERT INTO public.event OVERRIDING SYSTEM VALUE VALUES (36, 1764554270281, 'attempted', '2j6gtkk43brb', 'T0HALTBOT', 'C0000000B', 'U0000000C', '684ee188a1b2c3.00000008', 0, 'it loops', NULL, '{"attempt":1,"soft_first":false}');
INSERT INTO public.event OVERRIDING SYSTEM VALUE VALUES (37, 1764554270285, 'attempted', 'rtqg59msghkr', 'T0HALTBOT', 'C0000000B', 'U0000000C', '684ee189a1b2c3.00000009', 0, 'it loops', NULL, '{"attempt":1,"soft_first":false}');
INSERT INTO public.event OVERRIDING SYSTEM VALUE VALUES (38, 1764554271592, 'requested', 'gvgnsr9vvpwg', 'T0HALTBOT', 'C0000000B', 'U0000000C', '684ee18aa1b2c3.00000010', 0, 'it loops', NULL, '{}');
INSERT INTO public.event OVERRIDING SYSTEM VALUE VALUES (39, 1764554271596, 'admitted', 'gvgnsr9vvpwg', 'T0HALTBOT', 'C0000000B', 'U0000000C', '684ee18aa1b2c3.00000010', 0, 'it loops', NULL, '{}');
INSERT INTO public.event OVERRIDING SYSTEM VALUE VALUES (40, 1764554271599, 'attempted', 'gvgnsr9vvpwg', 'T0HALTBOT', 'C0000000B', 'U0000000C', '684ee18aa1b2c3.00000010', 0, 'it loops', NULL, '{"attempt":1,"soft_first":false}');
INSERT INTO public.event OVERRIDING SYSTEM VALUE VALUES (41, 1764554271604, 'outcome', 'gvgnsr9vvpwg', 'T0HALTBOT', 'C0000000B', 'U0000000C', '684ee18aa1b2c3.00000010', 0, 'it loops', 'gone_verified', '{"tries":1,"recovered":false,"status":204}');
INSERT INTO public.job VALUES ('2j6gtkk43brb', 'command T0HALTBOT 7316291478506.362974243323.7478a32ed82c1c9f2815c230ce82e807', 'T0HALTBOT C0000000B 684ee188a1b2c3.00000008 soft', 'open', 'calling', '{"id":"2j6gtkk43brb","team":"T0HALTBOT","channel":"C0000000B","user":"U0000000C","workflow_id":"684ee188a1b2c3.00000008","force":false,"reason":"it loops","requested_at":1764554270271,"asked_at":null,"response_url":"v1.TdogP1MyWxJIDXtf9dPOzE-XGS4u0xAMVMTU9IbKq6BRhUwZFD0VH_JUjuAMmRnkchzzbMioPiQkvrEY1uKK23IUxLGyIld6QGXVHOLuFb7cSpKP","message":{"channel":"C0000000B","ts":"1764554271.283983","way":"channel"},"question":1,"expires_at":null,"decided_by":null,"seen":null,"preview":null,"portal":null,"stuck_siblings":0,"changes":[],"softened":false,"cleared":true,"admitted":true,"clearing_tries":0,"approval":null,"approvers":[],"may_break_glass":false,"approved_by":null,"broke_glass":null,"accepted_at":null,"accepted_before":false,"watch_until":null,"polls":0,"shown":"calling.1","trouble":null,"sent":["soft"],"signed_in":false,"retries":0,"unsure":false,"must_look":false,"recovered":false,"outcome":null,"code":null,"refusal":{},"status":null,"ended_at":null,"verified":null,"telling_tries":0,"maybe_shown":false,"maybe_shown_at":0,"click_url":null}', 'T0HALTBOT', 'C0000000B', '684ee188a1b2c3.00000008', 1764554286285, NULL, 'dhnjnddhku29', NULL, 1, 1, 1764554270271, 1764554271284);
INSERT INTO public.job VALUES ('6mc29t3xbnhe', 'command T0HALTBOT 2538815278662.859113930966.77c66743da1abea5d9cbabdfd6cbc721', 'T0HALTBOT C0000000B 684ee186a1b2c3.00000006 soft', 'open', 'watching', '{"id":"6mc29t3xbnhe","team":"T0HALTBOT","channel":"C0000000B","user":"U0000000C","workflow_id":"684ee186a1b2c3.00000006","force":false,"reason":"it sends letters","requested_at":1764554268531,"asked_at":null,"response_url":"v1.nn_nlz5YJI_emus2OkJ4KAShQu3HO6HKO0CsXUqhp9Xi6sIUX69yvlu2C2jJv6qxxmO4rbFyHNeKLSt1VEMu6aTP00i-pM9CSxvDhiqxJ5b2U4d6","message":{"channel":"C0000000B","ts":"1764554268.581189","way":"channel"},"question":1,"expires_at":null,"decided_by":null,"seen":{"id":"684ee186a1b2c3.00000006","template_id":"713","document_id":"DEAL_5106","entity":"CCrmDocumentDeal","started_at":1750000006000,"started_by":"7","modified_at":1764554268000,"locked_until":1764557868000},"preview":null,"portal":null,"stuck_siblings":0,"changes":[],"softened":false,"cleared":true,"admitted":true,"clearing_tries":0,"approval":null,"approvers":[],"may_break_glass":false,"approved_by":null,"broke_glass":null,"accepted_at":1764554268565,"accepted_before":false,"watch_until":2742170268580,"polls":3,"shown":"watching.1","trouble":null,"sent":["soft"],"signed_in":false,"retries":0,"unsure":false,"must_look":false,"recovered":false,"outcome":"accepted","code":null,"refusal":{},"status":204,"ended_at":null,"verified":true,"telling_tries":0,"maybe_shown":false,"maybe_shown_at":0,"click_url":null}', 'T0HALTBOT', 'C0000000B', '684ee186a1b2c3.00000006', 1764554275367, 1764554271475, NULL, NULL, 3, 3, 1764554268531, 1764554271489);
INSERT INTO public.job VALUES ('bjygwbbmj3dg', 'command T0HALTBOT 3144160484958.290809039767.d52d3b7bb8f75a5c235bf5ee390b2be2', 'T0HALTBOT C0000000B 684ee182a1b2c3.00000002 soft', 'done', 'done', '{"id":"bjygwbbmj3dg","team":"T0HALTBOT","channel":"C0000000B","user":"U0000000C","workflow_id":"684ee182a1b2c3.00000002","force":false,"reason":"it loops","requested_at":1764554265579,"asked_at":null,"response_url":"v1.txcdylsFTuNb1WG78BH5awgLSf3mk91T0Uw0946U-5Rssf2dx6OKPGlDCHJQc7xz__9hW5LPcCjVaOHjKvkvuxaujzla7iFZ7jagYqCmPGVGH6F4","message":{"channel":"C0000000B","ts":"1764554265.589047","way":"channel"},"question":1,"expires_at":null,"decided_by":null,"seen":null,"preview":null,"portal":null,"stuck_siblings":0,"changes":[],"softened":false,"cleared":true,"admitted":true,"clearing_tries":0,"approval":null,"approvers":[],"may_break_glass":false,"approved_by":null,"broke_glass":null,"accepted_at":null,"accepted_before":false,"watch_until":null,"polls":0,"shown":"telling.1","trouble":null,"sent":["soft"],"signed_in":false,"retries":0,"unsure":false,"must_look":false,"recovered":false,"outcome":"failed","code":"SCOPE_DENIED","refusal":{},"status":403,"ended_at":1764554265586,"verified":null,"telling_tries":0,"maybe_shown":false,"maybe_shown_at":0,"click_url":null}', 'T0HALTBOT', 'C0000000B', '684ee182a1b2c3.00000002', 1764554265590, NULL, NULL, NULL, 1, 1, 1764554265579, 1764554265590);
INSERT INTO public.job VALUES ('gvgnsr9vvpwg', 'command T0HALTBOT 8186417363524.120679819601.ba6a9be68d3c900aea979dd2acd99f73', 'T0HALTBOT C0000000B 684ee18aa1b2c3.00000010 soft', 'open', 'telling', '{"id":"gvgnsr9vvpwg","team":"T0HALTBOT","channel":"C0000000B","user":"U0000000C","workflow_id":"684ee18aa1b2c3.00000010","force":false,"reason":"it loops","requested_at":1764554271592,"asked_at":null,"response_url":"v1.MVNaj-YuwYeHxEL8PsEhRh3Ss3Mghl5lUJE65ABG4g3HqiHlhCyLwXe9PoZVC-dWxP_eeEPFh32ZP5xvcINRe3x8RBEkU71YyxxEa12ea2zgbV_a","message":null,"question":1,"expires_at":null,"decided_by":null,"seen":null,"preview":null,"portal":null,"stuck_siblings":0,"changes":[],"softened":false,"cleared":true,"admitted":true,"clearing_tries":0,"approval":null,"approvers":[],"may_break_glass":false,"approved_by":null,"broke_glass":null,"accepted_at":1764554271601,"accepted_before":false,"watch_until":null,"polls":0,"shown":null,"trouble":null,"sent":["soft"],"signed_in":false,"retries":0,"unsure":false,"must_look":false,"recovered":false,"outcome":"gone_verified","code":null,"refusal":{},"status":204,"ended_at":1764554271604,"verified":true,"telling_tries":0,"maybe_shown":false,"maybe_shown_at":0,"click_url":null}', 'T0HALTBOT', 'C0000000B', '684ee18aa1b2c3.00000010', 1764554286605, NULL, 'dhnjnddhku29', NULL, 1, 1, 1764554271592, 1764554271604);
INSERT INTO public.job VALUES ('mjvypwmy5s3k', 'command T0HALTBOT 6024002425738.249491188800.c62214bbf449c98cdb5585151ef398ad', 'T0HALTBOT C0000000B 684ee187a1b2c3.00000007 soft', 'open', 'requested', '{"id":"mjvypwmy5s3k","team":"T0HALTBOT","channel":"C0000000B","user":"U0000000C","workflow_id":"684ee187a1b2c3.00000007","force":false,"reason":"it loops","requested_at":1764554268893,"asked_at":null,"response_url":"v1.6-DopJB4lN5bssad3G8tDUnKDZtSj_fk8EbnMGTOkxyjFcLiY_hz5SRXnyRcAJogVgBipI4FirBR-fuG2cUdyN3j4hVJ1LWDSYnIw5PQIzT_0gqW","message":{"channel":"C0000000B","ts":"1764554268.917311","way":"channel"},"question":1,"expires_at":null,"decided_by":null,"seen":null,"preview":null,"portal":null,"stuck_siblings":0,"changes":[],"softened":false,"cleared":true,"admitted":true,"clearing_tries":0,"approval":null,"approvers":[],"may_break_glass":false,"approved_by":null,"broke_glass":null,"accepted_at":null,"accepted_before":false,"watch_until":null,"polls":0,"shown":"requested.1","trouble":"BITRIX_UNAVAILABLE","sent":["soft","soft"],"signed_in":false,"retries":2,"unsure":true,"must_look":false,"recovered":false,"outcome":null,"code":null,"refusal":{},"status":502,"ended_at":null,"verified":null,"telling_tries":0,"maybe_shown":false,"maybe_shown_at":0,"click_url":null}', 'T0HALTBOT', 'C0000000B', '684ee187a1b2c3.00000007', 1764554272237, 1764554269949, NULL, NULL, 2, 2, 1764554268894, 1764554269987);
INSERT INTO public.job VALUES ('pgfutcrhs775', 'command T0HALTBOT 8854999669275.452192036019.cf328f7bc01371fca93ad0bcdef4db96', 'T0HALTBOT C0000000B 684ee185a1b2c3.00000005 force', 'open', 'awaiting_confirmation', '{"id":"pgfutcrhs775","team":"T0HALTBOT","channel":"C0000000B","user":"U0000000C","workflow_id":"684ee185a1b2c3.00000005","force":true,"reason":"it sends letters","requested_at":1764554268165,"asked_at":null,"response_url":"v1.qn2hHntGkK8yifmXqGP4-k4mi4Azp6chW9LS6X7rz4hhcjsgWYrrPRDKJSa__rguW0gsHhMxo9sV-0JlmR8S4auQg5cOREfzUuTC0OjkrY9O9sW3","message":{"channel":"C0000000B","ts":"1764554268.181473","way":"channel"},"question":1,"expires_at":2742170268165,"decided_by":null,"seen":{"id":"684ee185a1b2c3.00000005","template_id":"713","document_id":"DEAL_5105","entity":"CCrmDocumentDeal","started_at":1750000005000,"started_by":"7","modified_at":1764554268000,"locked_until":1764557868000},"preview":"read","portal":"https://demo.bitrix24.com","stuck_siblings":0,"changes":[],"softened":false,"cleared":true,"admitted":true,"clearing_tries":0,"approval":null,"approvers":[],"may_break_glass":false,"approved_by":null,"broke_glass":null,"accepted_at":null,"accepted_before":false,"watch_until":null,"polls":0,"shown":"awaiting_confirmation.1","trouble":null,"sent":[],"signed_in":false,"retries":0,"unsure":false,"must_look":false,"recovered":false,"outcome":null,"code":null,"refusal":{},"status":null,"ended_at":null,"verified":null,"telling_tries":0,"maybe_shown":false,"maybe_shown_at":0,"click_url":null}', 'T0HALTBOT', 'C0000000B', '684ee185a1b2c3.00000005', 2742170268167, NULL, NULL, NULL, 1, 1, 1764554268165, 1764554268237);
INSERT INTO public.job VALUES ('qpbsjxgdmk85', 'command T0HALTBOT 2860903969741.193818452354.60876c617b4e53626890c295d0ed6f40', 'T0HALTBOT C0000000B 684ee183a1b2c3.00000003 force', 'done', 'done', '{"id":"qpbsjxgdmk85","team":"T0HALTBOT","channel":"C0000000B","user":"U0000000C","workflow_id":"684ee183a1b2c3.00000003","force":true,"reason":"it loops","requested_at":1764554265633,"asked_at":null,"response_url":"v1.cWcEtrGBQLn6JlKlFcCq3r1gehIxaaLwrB0t4FgfzVD6fRmV37Vur7OyjmDwBu_818imKeO5KzPnmaC3DRtBX4lBU0I_HXHVsh6X1rYG3PdNRKRO","message":{"channel":"C0000000B","ts":"1764554265.640279","way":"channel"},"question":1,"expires_at":2742170265633,"decided_by":"U0000000C","seen":{"id":"684ee183a1b2c3.00000003","template_id":"713","document_id":"DEAL_5103","entity":"CCrmDocumentDeal","started_at":1750000003000,"started_by":"7","modified_at":1764554265000,"locked_until":1764557865000},"preview":"read","portal":"https://demo.bitrix24.com","stuck_siblings":0,"changes":[],"softened":false,"cleared":true,"admitted":true,"clearing_tries":0,"approval":null,"approvers":[],"may_break_glass":false,"approved_by":null,"broke_glass":null,"accepted_at":null,"accepted_before":false,"watch_until":null,"polls":0,"shown":"telling.1","trouble":null,"sent":[],"signed_in":false,"retries":0,"unsure":false,"must_look":false,"recovered":false,"outcome":"cancelled","code":null,"refusal":{},"status":null,"ended_at":1764554265649,"verified":null,"telling_tries":0,"maybe_shown":false,"maybe_shown_at":0,"click_url":"v1.HKc3MYQz7_HiBbY9GybGSyuC8ookXSQ7ETEOGZ3D3CaAvrqbErmkw46uIMI6LdxaDjvW84n3mjQffTQpeYvYOaC5nXHjSoftr-OZuneVOFQpQh83"}', 'T0HALTBOT', 'C0000000B', '684ee183a1b2c3.00000003', 1764554265652, NULL, NULL, NULL, 2, 2, 1764554265634, 1764554265652);
INSERT INTO public.job VALUES ('rtqg59msghkr', 'command T0HALTBOT 5392401816667.173924910672.c8491107af7d92863891757d00a42871', 'T0HALTBOT C0000000B 684ee189a1b2c3.00000009 soft', 'open', 'calling', '{"id":"rtqg59msghkr","team":"T0HALTBOT","channel":"C0000000B","user":"U0000000C","workflow_id":"684ee189a1b2c3.00000009","force":false,"reason":"it loops","requested_at":1764554270277,"asked_at":null,"response_url":"v1.Fh903hALPQjng1fIeGaxrUCJ8oEKTijMphQCKajHxcN3LiVCY2DCHcgQFhhANgw9ZwPOuooeAAytJphjMa7N5g41WKDQssBNca7F8OpdLHdAqeK1","message":{"channel":"C0000000B","ts":"1764554271.287196","way":"channel"},"question":1,"expires_at":null,"decided_by":null,"seen":null,"preview":null,"portal":null,"stuck_siblings":0,"changes":[],"softened":false,"cleared":true,"admitted":true,"clearing_tries":0,"approval":null,"approvers":[],"may_break_glass":false,"approved_by":null,"broke_glass":null,"accepted_at":null,"accepted_before":false,"watch_until":null,"polls":0,"shown":"calling.1","trouble":null,"sent":["soft"],"signed_in":false,"retries":0,"unsure":false,"must_look":false,"recovered":false,"outcome":null,"code":null,"refusal":{},"status":null,"ended_at":null,"verified":null,"telling_tries":0,"maybe_shown":false,"maybe_shown_at":0,"click_url":null}', 'T0HALTBOT', 'C0000000B', '684ee189a1b2c3.00000009', 1764554286289, NULL, 'dhnjnddhku29', NULL, 1, 1, 1764554270278, 1764554271288);
INSERT INTO public.job VALUES ('y583c9n7bt6c', 'command T0HALTBOT 7703076126603.9390156619.087abdb73c7482a049593521db2eaa0b', 'T0HALTBOT C0000000B 684ee181a1b2c3.00000001 soft', 'done', 'done', '{"id":"y583c9n7bt6c","team":"T0HALTBOT","channel":"C0000000B","user":"U0000000C","workflow_id":"684ee181a1b2c3.00000001","force":false,"reason":"it loops","requested_at":1764554265524,"asked_at":null,"response_url":"v1.hmB62EC1F6KBRP-gbbbKY4B7F2vPxfamecFHAn0qxhtQQdlxBdH0Y5ptDHClF3--xKOczI8ql1V7W0pGHWQOL86HcB1aXQiWoyHu6_2ilyILgEMY","message":{"channel":"C0000000B","ts":"1764554265.538471","way":"channel"},"question":1,"expires_at":null,"decided_by":null,"seen":null,"preview":null,"portal":null,"stuck_siblings":0,"changes":[],"softened":false,"cleared":true,"admitted":true,"clearing_tries":0,"approval":null,"approvers":[],"may_break_glass":false,"approved_by":null,"broke_glass":null,"accepted_at":1764554265534,"accepted_before":false,"watch_until":null,"polls":0,"shown":"telling.1","trouble":null,"sent":["soft"],"signed_in":false,"retries":0,"unsure":false,"must_look":false,"recovered":false,"outcome":"gone_verified","code":null,"refusal":{},"status":204,"ended_at":1764554265536,"verified":true,"telling_tries":0,"maybe_shown":false,"maybe_shown_at":0,"click_url":null}', 'T0HALTBOT', 'C0000000B', '684ee181a1b2c3.00000001', 1764554265539, NULL, NULL, NULL, 1, 1, 1764554265524, 1764554265539);
INSERT INTO public.job VALUES ('za5pb4jhqxy7', 'command T0HALTBOT 2538425878320.106029966614.7a9413e3bc51bbdcfe639336109a469a', 'T0HALTBOT C0000000B 684ee184a1b2c3.00000004 soft', 'open', 'offered', '{"id":"za5pb4jhqxy7","team":"T0HALTBOT","channel":"C0000000B","user":"U0000000C","workflow_id":"684ee184a1b2c3.00000004","force":false,"reason":"it sends letters","requested_at":1764554265703,"asked_at":null,"response_url":"v1.GRl-grb1e0GyNgmOMAiCBWXAvJHcOcQaRlT9Mk2ExoX38vd5iwIJNnw_NFOxHsoYN5u1AkH3qGaW8I4qhlEcOhq_cecbgtlcJs_32ktnCkAkC4Ha","message":{"channel":"C0000000B","ts":"1764554265.715991","way":"channel"},"question":2,"expires_at":null,"decided_by":null,"seen":{"id":"684ee184a1b2c3.00000004","template_id":"713","document_id":"DEAL_5104","entity":"CCrmDocumentDeal","started_at":1750000004000,"started_by":"7","modified_at":1764554265000,"locked_until":1764557865000},"preview":null,"portal":null,"stuck_siblings":0,"changes":[],"softened":false,"cleared":true,"admitted":true,"clearing_tries":0,"approval":null,"approvers":[],"may_break_glass":false,"approved_by":null,"broke_glass":null,"accepted_at":1764554265711,"accepted_before":false,"watch_until":1764554267215,"polls":3,"shown":"offered.2","trouble":null,"sent":["soft"],"signed_in":false,"retries":0,"unsure":false,"must_look":false,"recovered":false,"outcome":"accepted","code":null,"refusal":{},"status":204,"ended_at":null,"verified":true,"telling_tries":0,"maybe_shown":false,"maybe_shown_at":0,"click_url":null}', 'T0HALTBOT', 'C0000000B', '684ee184a1b2c3.00000004', 2742170267823, 1764554267788, NULL, NULL, 4, 4, 1764554265703, 1764554267822);
INSERT INTO public.migration VALUES ('0001_jobs_events_buckets_channels', 1764554279256);
INSERT INTO public.migration VALUES ('0003_links_and_sessions', 1764554279261);
INSERT INTO public.migration VALUES ('0004_admitted', 1764554279262);
INSERT INTO public.migration VALUES ('0002_append_only', 1764554279265);
INSERT INTO public.migration VALUES ('moved an embedded database in', 0);
INSERT INTO public.retention VALUES (0);
SELECT pg_catalog.setval('public.event_seq_seq', 41, true);
ALTER TABLE ONLY public.bucket
    ADD CONSTRAINT bucket_pkey PRIMARY KEY (key_id);
ALTER TABLE ONLY public.channel
    ADD CONSTRAINT channel_pkey PRIMARY KEY (team, channel);
ALTER TABLE ONLY public.event
    ADD CONSTRAINT event_pkey PRIMARY KEY (seq);
ALTER TABLE ONLY public.job
    ADD CONSTRAINT job_idem_key UNIQUE (idem);
ALTER TABLE ONLY public.job
    ADD CONSTRAINT job_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.key_link
    ADD CONSTRAINT key_link_pkey PRIMARY KEY (hash);
ALTER TABLE ONLY public.migration
    ADD CONSTRAINT migration_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.session
    ADD CONSTRAINT session_pkey PRIMARY KEY (team, channel, "user");
CREATE INDEX event_admitted ON public.event USING btree (team, channel, at) WHERE (event = 'admitted'::text);
CREATE INDEX event_at ON public.event USING btree (at);
CREATE INDEX event_reference ON public.event USING btree (reference, seq);
CREATE INDEX job_channel ON public.job USING btree (team, channel) WHERE (state = 'open'::text);
CREATE INDEX job_due ON public.job USING btree (due_at) WHERE (state = 'open'::text);
CREATE UNIQUE INDEX job_twin ON public.job USING btree (twin) WHERE (state = 'open'::text);
CREATE INDEX job_twin_done ON public.job USING btree (twin, updated_at) WHERE (state = 'done'::text);
CREATE TRIGGER event_append_only BEFORE DELETE OR UPDATE ON public.event FOR EACH ROW EXECUTE FUNCTION public.event_append_only();
