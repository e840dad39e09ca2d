-- Locks the cases of these decisions in the person's shops, then all that is granted on their orders; gives those shops,
-- where the person works on that day, and a stamp of the rules that approving one needs, which changes when any of them
-- does. What it reads beside the locks is as it was when the statement began.
WITH locked AS MATERIALIZED (
  SELECT k.shop_id, k.order_id FROM handoffs_case k
  WHERE k.id = ANY (ARRAY(SELECT d.case_id FROM handoffs_decision d WHERE d.id = ANY (%(ids)s)))
    AND k.shop_id = ANY (ARRAY(SELECT m.shop_id FROM accounts_membership m WHERE m.user_id = %(by)s))
  ORDER BY k.id FOR NO KEY UPDATE
), held AS MATERIALIZED (
  SELECT o.shop_id, pg_advisory_xact_lock(hashtextextended(o.shop_id || ':' || o.order_id, 0))
  FROM (SELECT DISTINCT shop_id, order_id FROM locked ORDER BY shop_id, order_id) o
)
SELECT
  (SELECT array_agg(DISTINCT shop_id) FROM held) AS shops,
  (SELECT json_agg(json_build_array(m.role, m.shop_id, m.lead))
    FROM accounts_membership m JOIN accounts_user u ON u.id = m.user_id AND u.is_active
    WHERE m.user_id = %(by)s AND coalesce(m.valid_from <= %(day)s::date, true)
      AND coalesce(m.valid_to >= %(day)s::date, true)) AS places,
  md5(concat(
    (SELECT string_agg(l::text, ';' ORDER BY l.id) FROM accounts_limit l WHERE l.user_id = %(by)s OR l.role <> ''),
    (SELECT string_agg(p::text, ';' ORDER BY p.id) FROM handoffs_clockpolicy p WHERE p.clock = 'carry_out'),
    (SELECT string_agg(s::text, ';' ORDER BY s.id) FROM handoffs_policystep s))) AS stamp
