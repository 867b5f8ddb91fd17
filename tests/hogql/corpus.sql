select 1
select 1, 'two', 3.5, true, null
select event from events
select * from events
select * from persons
select * from groups
select * from sessions
select * from person_distinct_ids
select event, count() from events group by event order by count() desc
select event, count(*) as total from events group by event having total > 1 order by total desc limit 10
select count(distinct person_id) from events
select count(distinct properties.$browser) as browsers from events
select properties.$browser as browser, count() from events where browser is not null group by browser
select person.properties.email, event from events where person.properties.email ilike '%ann%'
select properties.nested.a.b, properties['nested']['a'], properties.`nested`.a.b from events
select properties.tags[1], properties.tags from events
select arrayJoin(JSONExtractArrayRaw(properties.tags ?? '[]')) as tag, count() from events group by tag
select arrayJoin(splitByChar('/', properties.$current_url)) as part from events
select arrayMap(x -> x * 2, [1, 2, 3]) as doubled, arrayFilter((x) -> x > 1, [1, 2, 3])
select arraySum(arrayMap((x, y) -> x * y, [1, 2], [3, 4]))
select arrayFold((acc, x) -> acc + x, [1, 2, 3], toInt64(0))
select event, timestamp, row_number() over (partition by distinct_id order by timestamp) as n from events
select distinct_id, lag(event) over (partition by distinct_id order by timestamp) as previous, lead(event, 1, 'none') over (partition by distinct_id order by timestamp) as following from events
select event, sum(1) over w as running from events window w as (partition by event order by timestamp rows between unbounded preceding and current row)
select distinct_id, first_value(event) over (partition by distinct_id order by timestamp asc rows between 1 preceding and 1 following) from events
with 42 as answer select answer, event from events
with (select max(timestamp) from events) as latest select count() from events where timestamp >= latest - interval 1 day
with daily as (select toStartOfDay(timestamp) as day, count() as c from events group by day) select day, c, sum(c) over (order by day) from daily order by day
with a as (select event, distinct_id from events), b as (select distinct_id, count() as n from a group by distinct_id) select * from b order by n desc
with recursive t as (select 1 as n union all select n + 1 from t where n < 5) select sum(n) from t
select dateDiff('day', min(timestamp), max(timestamp)) as days from events
select date_diff('hour', timestamp, now()) > 0 from events
select dateTrunc('month', timestamp) as month, count() from events group by month
select date_trunc('week', timestamp), toStartOfWeek(timestamp), toStartOfWeek(timestamp, 1), toMonday(timestamp) from events
select toStartOfInterval(timestamp, interval 15 minute) as slot, count() from events group by slot
select event from events where timestamp >= '2026-03-02' and timestamp < '2026-03-04 12:00:00'
select event from events where timestamp between '2026-03-02' and '2026-03-05'
select event from events where timestamp > now() - interval 7 day
select event from events where timestamp > now() - interval '1 month' and timestamp < now() + interval 2 hour
select event from events where timestamp >= today() - 7 or timestamp > yesterday()
select event from events where toDate(timestamp) = '2026-03-01'
select event from events where toDate(timestamp) in ('2026-03-01', '2026-03-02')
select event from events where timestamp >= toDateTime('2026-03-01T00:00:00Z')
select event from events where timestamp >= parseDateTimeBestEffort('2026-03-01') and timestamp <= toDateTime('2026-04-01', 'Europe/Berlin')
select formatDateTime(timestamp, '%Y-%m-%d') as day, count() from events group by day order by day
select toYear(timestamp), toMonth(timestamp), toDayOfWeek(timestamp), toHour(timestamp), toISOWeek(timestamp) from events
select extract(year from timestamp), extract(month from timestamp), extract('abc', 'b') from events
select toUnixTimestamp(timestamp), fromUnixTimestamp(1700000000), toTimeZone(timestamp, 'US/Pacific') from events
select dateAdd('day', 1, timestamp), dateSub('month', 1, today()), addDays(timestamp, 3), subtractHours(timestamp, 2) from events
select event = '$pageview' ? 'view' : 'other' as kind, count() from events group by kind
select properties.missing ?? 'none', properties?.missing?.deep from events
select coalesce(properties.a, properties.b, 'c'), ifNull(properties.price, 0), nullIf(event, '') from events
select event from events where properties.$current_url =~ 'pric' and properties.$pathname !~ 'docs' and event =~* 'PAGE' and event !~* 'nothing'
select count() from events sample 1/2
select count() from events sample 0.5 offset 1/10
select event from events prewhere event = '$pageview' where distinct_id = 'ann'
select event, tag from events array join [1, 2] as tag
select event, tag from events left array join emptyArrayString() as tag
select e.event, p.properties.email from events e join persons p on e.person_id = p.id
select e.event, p.id from events as e left join persons as p on p.id = e.person.id where p.is_identified
select e.event, g.properties.name from events e left join groups g on e.$group_0 = g.key and g.index = 0
select a.event, b.event from events a inner join events b on a.distinct_id = b.distinct_id and a.uuid != b.uuid
select d.distinct_id, p.properties.email from person_distinct_ids d join persons p on d.person_id = p.id
select a.n, b.n from (select 1 as n) a cross join (select 2 as n) b
select a.n, b.n from (select 1 as n) a, (select 2 as n) b
select n from (select 1 as n, 2 as m) a join (select 1 as n, 3 as k) b using (n)
select event from events union all select 'other' as event
(select 1 as a) union distinct (select 2) except select 3
select distinct_id from events intersect select distinct_id from person_distinct_ids
select distinct_id from events except select 'ben'
select quantile(0.95)(properties.price), quantiles(0.5, 0.9)(toFloat(properties.price)), median(properties.price) from events
select avg(properties.price), sum(properties.price), min(toFloat(properties.price)), max(properties.price) from events
select countIf(event = '$pageview'), sumIf(toFloat(properties.price), event = 'purchase'), uniqIf(distinct_id, event like '%page%') from events
select countIf(event = '$pageview') / count() * 100 as rate, round(rate, 2) as rounded from events
select uniq(distinct_id), uniqExact(person_id), count(distinct event, distinct_id) from events
select groupArray(event), groupUniqArray(distinct_id), topK(3)(event), groupArray(2)(event) from events
select argMax(event, timestamp), argMin(properties.$pathname, timestamp), any(event), anyLast(distinct_id) from events
select uniqMerge(s) from (select uniqState(distinct_id) as s from events)
select windowFunnel(86400)(toDateTime(timestamp), event = '$pageview', event = 'purchase') as level, distinct_id from events group by distinct_id
select retention(event = '$pageview', event = 'purchase') from events group by distinct_id
select sequenceMatch('(?1).*(?2)')(toDateTime(timestamp), event = '$pageview', event = 'purchase') from events group by distinct_id
select case when event = '$pageview' then 'a' when event = 'purchase' then 'b' else 'c' end as kind, count() from events group by kind
select case event when '$pageview' then 1 else 0 end from events
select if(event = 'purchase', 1, 0), multiIf(event = 'a', 1, event = 'b', 2, 3) from events
select cast(properties.price as Float), properties.price::Int, '12'::Int64, cast('2026-01-01' as Date), cast(1 as String), cast(event, 'String') from events
select toInt(properties.price), toFloat(properties.price), toString(properties.price), toDecimal(properties.price, 2), toBool(properties.paid), toUUID(distinct_id), toDateTime(properties.when), toDate(properties.when) from events
select event from events where properties.price > 15 and properties.price between 10 and 100
select event from events where properties.price in (10, 20) or properties.price = 30 or properties.price != 40
select event from events where properties.paid or properties.paid = true or not properties.paid
select properties.price * 2 + 1, properties.price / 3, -properties.price, properties.price % 7, round(properties.price) from events
select event from events where event in ('$pageview', 'purchase') and distinct_id not in ('x', 'y')
select event from events where (event, distinct_id) in (('purchase', 'ann'), ('x', 'y'))
select event from events where event in tuple('a', 'b') or event in ['c', 'd']
select event from events where person_id in (select id from persons where properties.age > 18)
select event from events where distinct_id in (select distinct_id from events where event = 'purchase') and person_id not in (select person_id from person_distinct_ids where distinct_id = 'zoe')
with buyers as (select distinct_id from events where event = 'purchase') select event from events where distinct_id in buyers
select event from events where person_id = '01890000-0000-7000-8000-000000000001' or person_id = 'nonsense'
select uuid from events where uuid in ('01900000-0000-7000-8000-000100000001')
select f'{event} by {distinct_id}: {toString(1 + 1)}' as label, f'plain', f'' from events
select event, timestamp from events order by timestamp desc limit 2 by event limit 10
select event, timestamp from events order by event, timestamp limit 1 offset 1 by event limit 10
select event from events order by event limit 1 with ties
select event from events limit 2 offset 1
select event from events limit 1, 2
select * except (properties, elements_chain) from events
select * replace (lower(event) as event) from events
select columns(event, distinct_id) from events
select {'a': 1, 'b': 2} as m, m['a'], map('k', 'v')['k'], mapKeys({'x': 'y'})
select (1, 'a', 2.5) as t, t.1, t.2, tupleElement(t, 3), [10, 20, 30][2], [10, 20, 30][-1]
select session.$start_timestamp, session.$session_duration, session.$channel_type, session.$is_bounce, session.$entry_current_url from events
select $session_id, $window_id, $group_0, properties.$session_id from events where $session_id is not null
select session_id, distinct_id, $start_timestamp, $end_timestamp, $entry_pathname, $exit_pathname, $pageview_count, $num_uniq_urls, $urls, $entry_utm_source from sessions order by $start_timestamp
select $channel_type, count(), avg($session_duration) from sessions where $start_timestamp > '2026-01-01' group by $channel_type
select pdi.distinct_id, pdi.person_id, poe.id, poe.properties.plan, pdi.person.properties.age from events
select group_0.properties.name, group_0.key, group_0.created_at, group_0.properties.seats > 5 from events
select person.id, person.created_at, person.is_identified, person.properties from events
select event, count() as n from events group by all order by n
select event, timestamp, row_number() over (partition by event order by timestamp) as n from events qualify n = 1
select -- a comment
  event /* another */ from events // and one more
select number from numbers(5)
select number * 2 as even from numbers(2, 3) where number % 2 = 0
select toDate('2026-03-01') + number as day, c from numbers(7) n left join (select toDate(timestamp) as d, count() as c from events group by d) e on day = e.d
select event from events order by properties.price desc nulls last, event asc nulls first
select event from events where event == 'purchase' or event <> 'x'
select event || ' / ' || distinct_id || properties.missing from events
select concat(event, '-', toString(1)), lower(event), upper(event), length(event), substring(event, 1, 3), left(event, 2), right(event, 2), trim('  a '), reverse(event), replaceAll(event, '$', ''), position(event, 'page') from events
select x, y from (values (1, 'a'), (2, 'b')) as t (x, y)
select event from events where properties.a is distinct from properties.b or event is not distinct from 'x'
select event from events where properties.missing is null and properties.price is not null
select domain(properties.$current_url), path(properties.$current_url), extractURLParameter(properties.$current_url, 'q'), cutQueryString(properties.$current_url) from events
select JSONExtractString(properties, '$browser'), JSONExtractFloat(properties, 'price'), JSONHas(properties, 'price'), JSONExtractKeys(properties), JSONExtractRaw(properties, 'tags'), JSONLength(properties.tags) from events
select JSONExtractInt(properties.nested, 'a', 'b'), JSONExtract(properties, 'price', 'Float64'), JSONExtractBool(properties, 'paid') from events
select splitByChar('/', properties.$pathname)[2], arrayStringConcat(groupArray(event), ',') from events group by properties.$pathname
select has(['a', 'b'], event), hasAny([1, 2], [2, 3]), indexOf(['x'], 'x'), arrayDistinct([1, 1]), arraySort(x -> -x, [1, 3, 2]), arrayReduce('sum', [1, 2]), range(3), arrayZip([1], ['a']), length([1, 2]) from events
select sortableSemVer('1.2.10') > sortableSemVer('1.2.9'), sparkline([1, 2, 3])
select cityHash64(distinct_id) % 10 as bucket, count() from events group by bucket
select floor(1.5), ceil(1.5), abs(-1), sqrt(4), pow(2, 3), exp(0), log(1), greatest(1, 2), least(1, 2), greatest(properties.price, 15) from events
select isNull(properties.a), isNotNull(event), empty(event), notEmpty(properties.$browser), toTypeName(event) from events
select elements_chain, elements_chain_href, elements_chain_texts, elements_chain_ids, elements_chain_elements from events
select day, sum(c) from (select toDate(timestamp) as day, event, count() as c from events group by day, event) group by day order by day
select properties.$browser from (select properties, event from events) where event = '$pageview'
select b from (select properties.$browser as b, properties.price as p from events) where p > 5
select toDate(timestamp) as timestamp, count() from events group by timestamp order by timestamp
select event as e from events e where e.event = '$pageview'
select lower(event) as event from events where event = '$pageview'
select distinct event, distinct_id from events order by 1, 2
select event, count() from events group by 1 order by 2 desc
select id, properties.email, created_at, is_identified from persons where properties.email like '%@example.com' order by created_at desc
select p.id, count() as n from persons p join events e on e.person_id = p.id where e.event = 'purchase' group by p.id
select persons.pdi.distinct_id, id from persons
select distinct_id, person_id, person.properties.email from person_distinct_ids
select key, properties.name, index from groups where index = 0
select count() from events where {filters}
select event from events where {filters} and timestamp >= {filters.dateRange.from} and timestamp <= {filters.dateRange.to}
select event from events where event = {variables.event_name} or event in {names} limit {rows}
select max2(1, 2), toStartOfHour(timestamp), toStartOfFiveMinutes(timestamp), toStartOfMonth(timestamp), toStartOfYear(timestamp), toStartOfQuarter(timestamp) from events
select distinct_id, min(timestamp) as first_seen, max(timestamp) as last_seen, dateDiff('second', first_seen, last_seen) as lifetime from events group by distinct_id
select toStartOfDay(timestamp) as day, uniq(distinct_id) as dau from events where timestamp >= toStartOfDay(now()) - interval 2 year group by day order by day
select not (event = 'a' and (distinct_id = 'b' or distinct_id = 'c')) and true from events
select `event`, "distinct_id" from events where `events`.`event` = '$pageview'
select '\' or 1=1 --', 'it''s', 'tab\t', '\\d+', 'ünïcode 🦔', '{curly}', '100%', '%(x)s'
select COUNT(*), Sum(1), ToString(1), NOW() > toDateTime('2020-01-01') from events
select 0x1F, 1e3, .5, 1., -5, +5
select any(event) as event_any, entropy(event), stddevPop(properties.price), varSamp(properties.price), corr(properties.price, properties.price) from events
select arrayJoin([1, 2, 3]) as x, x * 2
select event, groupArray(tuple(timestamp, distinct_id)) as pairs, arrayMap(p -> p.2, pairs) from events group by event
select toJSONString(map('a', 1)), formatReadableQuantity(1000), bar(1, 0, 10), hex('a'), base64Encode('x'), generateUUIDv4() != generateUUIDv4()
select 1 in (1, 2), null in (1), 'a' not in ('b'), 3 in [3], 1 in (select 1)
select exists_ from (select 1 as exists_) where exists_ = 1
select (select count() from events) as total, (select max(timestamp) from events) as latest
select event, count() / (select count() from events) as share from events group by event
select event from events where and(in(event, tuple('$pageview', 'purchase')), greaterOrEquals(events.timestamp, assumeNotNull(toDateTime('2026-01-27 23:45:41'))), equals(properties.missing, NULL), notEquals(properties.price, NULL), greater(properties.price, 5))
select properties.$ai_trace_id as id, any(properties.$ai_session_id) as s, min(timestamp) as first_timestamp, tuple(argMin(person.id, timestamp), ifNull(nullIf(argMinIf(distinct_id, timestamp, event = '$ai_trace'), ''), argMin(distinct_id, timestamp)), argMin(person.created_at, timestamp)) as first_person, round(if(and(equals(countIf(and(greater(toFloat(properties.$ai_latency), 0), notEquals(event, 'x'))), 0), 1), sumIf(toFloat(properties.$ai_latency), equals(event, 'y')), 0), 2) as total, arrayDistinct(arraySort(x -> x.3, groupArrayIf(tuple(uuid, event, timestamp, properties), notEquals(event, 'z')))) as events_, sumIf(toFloat(properties.tokens), in(event, tuple('a', 'b'))) as tokens from events group by properties.$ai_trace_id limit 1
select `context.columns.visitors`.1 as v, divide(`context.columns.visitors`.1, sum(`context.columns.visitors`.1) over ()) as share from (select tuple(uniq(distinct_id), 2) as `context.columns.visitors` from events group by event)
select nullIf(nullIf(lower(properties.utm_source), ''), 'null') as source, multiIf(match(source, '^(news.*)$'), 'Newsletter', equals(source, NULL), 'Direct', 'Other') as channel, count() from events group by source, channel
with exemplar as (select argMax(distinct_id, timestamp) as d from events where timestamp >= now() - INTERVAL 15 YEAR) select 'event' as source, event as detail, null as n, timestamp from events where distinct_id = (select d from exemplar) union all select 'person', toString(id), 1, created_at as timestamp from persons order by timestamp
select level, count() as people from (select distinct_id, windowFunnel(1209600)(timestamp, event = '$pageview', event = 'purchase') as level from events group by distinct_id) group by level
with first_seen as (select person_id, min(toStartOfWeek(timestamp)) as cohort_week from events group by person_id) select cohort_week, dateDiff('week', cohort_week, toStartOfWeek(e.timestamp)) as week, uniq(e.person_id) as people from events e join first_seen f on e.person_id = f.person_id group by cohort_week, week order by cohort_week, week
select path, next, count() as n from (select properties.$pathname as path, leadInFrame(properties.$pathname) over (partition by $session_id order by timestamp rows between unbounded preceding and unbounded following) as next from events where event = '$pageview') where next is not null group by path, next order by n desc
select day, c, avg(c) over (order by day rows between 6 preceding and current row) as moving from (select toDate(timestamp) as day, count() as c from events group by day)
select toStartOfDay(timestamp) as day, countIf(event = '$pageview') as views, countIf(event = 'purchase') as buys, round(100 * buys / nullIf(views, 0), 1) as rate from events where timestamp >= toStartOfMonth(toDate('2026-03-15')) group by day order by day asc
select person.properties.plan as plan, uniq(person_id) as people, sum(toFloat(properties.price)) as revenue, revenue / people as arpu from events where event = 'purchase' or properties.price > 0 group by plan having revenue > 0 order by revenue desc
select p.properties.email as email, count(e.uuid) as n from persons p left join events e on e.person_id = p.id and e.event = '$pageview' group by email order by n desc, email
select distinct_id, groupUniqArray(properties.$browser) as browsers, arraySort(groupArray(timestamp))[1] as first_time, arrayMap((b, i) -> concat(toString(i), ':', b), browsers, arrayEnumerate(browsers)) as labelled from events group by distinct_id
select toHour(timestamp) as hour, toDayOfWeek(timestamp) as dow, count() from events group by hour, dow order by dow, hour
select date, sum(n) from (select toDate(timestamp) as date, 1 as n from events union all select toDate('2026-03-01') + number as date, 0 as n from numbers(7)) group by date order by date
select * from (select event, count() as c from events group by event) as x where x.c > 1 order by x.c
select e.* from events as e where e.properties.price > 10 limit 3
select if(properties.paid = 'true', 'yes', 'no') as paid, if(properties.price > 10, 'much', 'little') from events
select event from events where lower(person.properties.email) like '%@example.com' and not match(person.properties.email, '^test')
select count() from events where person.properties.email in ('ann@example.com') and toDate(timestamp) >= today() - interval 10 year
select formatDateTime(toStartOfMonth(timestamp), '%b %Y') as month, min(timestamp), toString(toDate(max(timestamp))) from events group by month
select timestamp - interval 1 day as before, timestamp + toIntervalHour(3), timestamp - timestamp as zero, now() - timestamp > 0, today() - toDate(timestamp) from events
select toDateTime(toDate(timestamp)), toDate('2026-03-01'), toDateTime('2026-03-01 10:00:00', 'Europe/Berlin'), toDateTime64('2026-03-01', 3), toStartOfDay(toDate(timestamp)) from events
select min(properties.price), max(properties.when), any(properties.tags) from events
select properties.price + properties.price as a, properties.price > properties.missing, toFloat(properties.price) between 5 and 15 from events
select sum(if(event = 'purchase', properties.price, 0)) as revenue, sum(properties.price * 2), avg(coalesce(properties.price, 0)) from events
select arrayFilter(x -> x like '%a%', ['abc', 'x']), arrayExists(x -> x = 'a', JSONExtractArrayRaw(properties, 'tags')), JSONExtract(properties, 'tags', 'Array(String)') as tags, tags[1], has(tags, 'x') from events
select dateDiff(day, min(timestamp), max(timestamp)), dateAdd(day, 1, max(timestamp)) from events
select dateTrunc(week, timestamp) as week, date(timestamp), toHour(timestamp, 'Asia/Tokyo'), toStartOfDay(timestamp, 'UTC') from events
select event from events where exists (select 1 from persons where is_identified) and not exists (select 1 from persons where false) limit 5 offset 0 rows
