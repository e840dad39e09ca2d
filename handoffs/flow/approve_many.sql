-- Approves the proposals that are alike, each with all that `decision.approve` would write of it, and names them.
-- The cases are locked already. What is not alike is left as it is: see approve_many.py.
--
-- wishes: [{"id", "amount", "note"}]. shops, where the person approves: [{"id", "as_manager", "terms" (digest of the
-- clock to carry out), "due_at", "next_action_at"}]. tops, in yuan, null for none: [{"shop_id", "kind", "top"}].
WITH wish AS MATERIALIZED (
  SELECT * FROM json_to_recordset(%(wishes)s::json) AS w (id bigint, amount numeric, note text)
), shop AS MATERIALIZED (
  SELECT s.*, t.id AS terms_id
  FROM json_to_recordset(%(shops)s::json)
    AS s (id bigint, as_manager boolean, terms text, due_at timestamptz, next_action_at timestamptz)
  JOIN handoffs_terms t ON t.digest = s.terms
), top AS MATERIALIZED (
  SELECT * FROM json_to_recordset(%(tops)s::json) AS t (shop_id bigint, kind text, top numeric)
), asked AS MATERIALIZED (
  SELECT d.id, d.kind, d.status, d.amount, d.by_id, d.handoff_id, d.case_id, w.note, w.amount AS wished,
    count(*) OVER (PARTITION BY k.shop_id, k.order_id) AS of_the_order,
    k.shop_id, k.order_id, k.amount AS applied, k.status AS was, k.phase, k.money, k.owner_id
  FROM wish w JOIN handoffs_decision d ON d.id = w.id JOIN handoffs_case k ON k.id = d.case_id
  WHERE d.status = 'proposed'
), alike AS MATERIALIZED (
  SELECT a.*, h.kind AS question, s.as_manager, s.terms_id, s.due_at, s.next_action_at,
    owed.first_due, coalesce(owed.carried_out, false) AS carried_out, coalesce(owed.version, 0) AS version,
    CASE WHEN a.kind IN ('full_refund', 'partial_refund', 'compensation') THEN 'to_pay' ELSE 'in_progress' END AS becomes
  FROM asked a JOIN shop s ON s.id = a.shop_id JOIN handoffs_handoff h ON h.id = a.handoff_id
  CROSS JOIN LATERAL (  -- what else is owed on the case
    SELECT min(c.due_at) FILTER (WHERE c.ended_at IS NULL AND c.handoff_id IS DISTINCT FROM a.handoff_id) AS first_due,
      bool_or(c.kind = 'carry_out' AND c.ended_at IS NULL) AS carried_out,
      max(c.version) FILTER (WHERE c.kind = 'carry_out') AS version,
      bool_or(c.ended_at IS NULL AND c.state = 'paused') AS stands_still
    FROM handoffs_clock c WHERE c.case_id = a.case_id) owed
  WHERE a.by_id <> %(by)s AND h.status IN ('open', 'claimed')
    AND a.phase NOT IN ('success', 'closed') AND a.was NOT IN ('new', 'waiting_buyer')
    AND a.money NOT IN ('ordered', 'acknowledged', 'confirmed', 'unknown')
    AND (a.wished IS NULL OR a.wished = a.amount) AND a.of_the_order = 1
    AND NOT (a.kind IN ('full_refund', 'partial_refund') AND a.applied > 0 AND a.amount IS DISTINCT FROM a.applied)
    AND NOT EXISTS (
      SELECT FROM handoffs_decision o WHERE o.case_id = a.case_id AND o.id <> a.id AND o.status IN ('proposed', 'approved'))
    AND (a.amount IS NULL OR EXISTS (
      SELECT FROM top t WHERE t.shop_id = a.shop_id AND t.kind = a.kind AND (t.top IS NULL OR t.top >= a.amount + (
        SELECT coalesce(sum(g.amount), 0) FROM handoffs_decision g JOIN handoffs_case k ON k.id = g.case_id
        WHERE k.shop_id = a.shop_id AND k.order_id = a.order_id
          AND (g.kind IN ('partial_refund', 'compensation') OR (g.kind = 'full_refund' AND g.amount < CASE
            WHEN k.total_fee IS NOT NULL AND (k.line_id <> '' OR k.source_kind <> 'refund') THEN k.total_fee
            ELSE k.paid END))
          AND g.status IN ('approved', 'carried_out')))))
    AND owed.stands_still IS NOT TRUE
    AND NOT EXISTS (  -- late, which is still to be noted
      SELECT FROM handoffs_clock c WHERE c.handoff_id = a.handoff_id AND c.ended_at IS NULL AND c.due_at < %(at)s
        AND c.step < (SELECT count(*) FROM handoffs_terms t, jsonb_array_elements(t.data -> 'steps') p
          WHERE t.id = c.terms_id AND (p ->> 'percent')::int <= 100))
), decided AS (
  UPDATE handoffs_decision d
  SET status = 'approved', approved_by_id = %(by)s, settled_at = %(at)s, note = a.note, offer = false
  FROM alike a WHERE d.id = a.id
  RETURNING d.*
), answered AS (
  UPDATE handoffs_handoff h
  SET status = 'answered', answer = 'approve', answer_note = a.note, answered_by_id = %(by)s, answered_at = %(at)s,
    assignee_id = coalesce(h.assignee_id, %(by)s),
    data = CASE WHEN a.amount IS NULL THEN '{}' ELSE jsonb_build_object('amount', a.amount::text) END
      || CASE WHEN a.as_manager THEN '{"answered_as": "manager"}' ELSE '{}' END::jsonb
  FROM alike a WHERE h.id = a.handoff_id
), ended AS (
  UPDATE handoffs_clock c
  SET state = CASE WHEN c.due_at < %(at)s OR (c.state = 'late' AND c.due_at IS NULL) THEN 'late' ELSE 'met' END,
    next_action_at = NULL, ended_at = greatest(%(at)s, c.started_at), failed = ''
  FROM alike a WHERE c.handoff_id = a.handoff_id AND c.ended_at IS NULL
), started AS (
  INSERT INTO handoffs_clock (case_id, kind, owner_role, version, state, cause, step, terms_id, started_at, due_at,
    next_action_at, failed)
  SELECT case_id, 'carry_out', 'support', version + 1, 'running', '', 0, terms_id, %(at)s, due_at, next_action_at, ''
  FROM alike WHERE NOT carried_out
), moved AS (
  UPDATE handoffs_case k
  SET status = a.becomes, version = k.version + 1, changed_at = %(at)s,
    money = CASE WHEN a.kind IN ('full_refund', 'partial_refund') THEN 'approved' ELSE k.money END,
    due_at = CASE WHEN a.carried_out THEN a.first_due ELSE least(a.first_due, a.due_at) END
  FROM alike a WHERE k.id = a.case_id
), noted AS (
  INSERT INTO handoffs_timelineentry (case_id, kind, at, by_id, data)
  SELECT a.case_id, n.kind, %(at)s, %(by)s, CASE n.kind
    WHEN 'answered' THEN
      jsonb_build_object('handoff', a.handoff_id, 'kind', a.question, 'answer', 'approve', 'note', a.note)
    WHEN 'approved' THEN jsonb_build_object('decision', a.id, 'kind', a.kind)
      || CASE WHEN a.amount IS NULL THEN '{}' ELSE jsonb_build_object('amount', a.amount::text) END
    ELSE jsonb_build_object('status', a.becomes, 'from', a.was, 'to', a.becomes) END
  FROM alike a, (VALUES (1, 'answered'), (2, 'approved'), (3, 'status')) n (place, kind)
  WHERE n.kind <> 'status' OR a.becomes <> a.was
  ORDER BY a.case_id, n.place
), told AS (
  INSERT INTO handoffs_outboxmessage (key, kind, to_id, case_id, data, created_at, mail, next_try_at, attempts, error)
  SELECT 'approved:' || a.id || ':' || u.id, 'approved', u.id, a.case_id, jsonb_build_object('decision', a.id), %(at)s,
    CASE WHEN u.wants_mail AND u.is_active THEN 'queued' ELSE 'none' END,
    CASE WHEN u.wants_mail AND u.is_active THEN %(at)s END, 0, ''
  FROM alike a JOIN accounts_user u ON u.id IN (a.by_id, a.owner_id)
  ORDER BY a.case_id, u.id <> a.by_id
  ON CONFLICT DO NOTHING
)
SELECT d.*, u.name AS by_name, u.email AS by_email FROM decided d JOIN accounts_user u ON u.id = d.by_id
