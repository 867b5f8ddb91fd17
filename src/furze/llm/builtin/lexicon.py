"""What words mean to the query reader. Data, one table per role."""

from collections.abc import Mapping


def words_of(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


#: Words that carry no meaning of their own in a question about data.
FILLER = words_of("""
    a an the of to in on at for from by with and or is are was were be been being do does did done have has had
    i me my we us our you your it its they them their there that this these those who whom whose which what when
    where how can could would will should shall may might must please show tell give get got gets getting find
    display list see know like want need let say said also just only really actually exactly approximately about
    around roughly some any all each every total totally overall so far now currently right data analytics chart
    graph plot table figure number numbers count counts counted amount many much make makes made making happen
    happened happens occur occurred occurs occurring take taken took place placed placing record recorded
    records track tracked tracking event events time times site website shop store app application web online
    platform project here into as if then than out up look looking hello hi hey thanks thank curious wondering
    wonder question answer report summary summarize breakdown split down broken group grouped grouping segment
    segmented sorted  rank ranked ranking compare compared comparing vs versus visual visualise visualize quick
    quickly kindly one ones come came comes coming go went goes gone going put through via using use used uses
    within during over between across hit perform performed performing fired triggered sent logged captured seen
    generate generated bring brought value values result results am he she yes ok okay well still ever exist
    exists existing something anything brings drives drove drive driving belong belongs thing things including
    lately break breaking recently
""")

#: Fillers that would change the meaning if they were ignored.
NEVER_FILLER = words_of("not without except excluding before after never or than no")

#: Ways to say what a plainer way says too, read as that one.
PHRASINGS: tuple[tuple[str, str], ...] = (
    (r"of (?:those|them|the ones) (?:who|that)", "of the people who"),
    (r"(?:look(?:ed|ing)?|glanc(?:ed|ing)) at", "viewed"),
    (r"(?:c[ao]me|arrived?|reached us|found us) by", "came from"),
    (r"open(?:ed|s)?(?= (?:the |our )?\S+ page)", "visited"),
    (r"(?:separate|distinct|different)(?= (?:visitors|people|users|customers))", "unique"),
    (r"(\w+) (?:does|do|did) (?:the|an|our) average (\w+) (?:place|make|have|do)", r"\1 per \2"),
    (r"from (?:an? |the |their )?(?:first )?visits? to", "of visitors to"),
    (r"(?:(?:is|are|was|were) )?distribut(?:e|ed|ing)(?: over| across| among| by)", "by"),
    (r"(?:sold|sells?|selling) (?:the )?best|best[- ]sold", "were ordered most"),
    (r"best[- ]?sellers", "most ordered products"),
    (r"best[- ]selling", "most ordered"),
    (r"(?:sends?|brings?|gets?|generates?|drives?|delivers?|attracts?)(?: in| us)? the most", "has the most"),
    (r"rank(?: all)?(?: the| our)? (\w+) by (?:the )?(?:number of )?(\w+)$", r"\2 by \1"),
    (
        r"(?:the )?(\d+|two|three|four|five|ten) (?:biggest|top|highest|largest) spenders",
        r"top \1 customers by revenue",
    ),
    (r"(?:(?:the|our) )?(?:biggest|top|highest) spenders", "top customers by revenue"),
    (
        r"(?:biggest|largest|highest) (?:single )?(?:order|purchase)(?: (?:value|amount|total|revenue)s?)?",
        "highest order value",
    ),
    (
        r"(?:smallest|lowest|cheapest) (?:single )?(?:order|purchase)(?: (?:value|amount|total|revenue)s?)?",
        "lowest order value",
    ),
    (
        r"which (\d+|two|three|four|five|ten) (\w+(?: \w+)?) (?:have|has|had|got) (?:the )?most (\w+)",
        r"top \1 \2 by \3",
    ),
    (r"which (\d+|two|three|four|five|ten) (\w+) (?:were|are|was|is) (\w+) (?:the )?most", r"the \1 most \3 \2"),
    (r"(?:total )?sales in (?:euros?|eur|dollars?|usd|pounds?|gbp|money)", "revenue"),
    (r"(?:(?:a|one|1) )?(day|week|month)[ -]?1 retention", r"retention per \1"),
    (r"d1 retention", "retention per day"),
    (r"(?:buys?|orders?|purchases?) again", "come back to order again"),
    (r"still (?:visit(?:s|ing)?|active|around|using|use)", "coming back"),
    (
        r"where (?:are|is|do|does) (?:the |our |my )*(\w+(?: who \w+)?) (?:located|based|live|living|situated)",
        r"\1 by country",
    ),
    (r"chang(?:e|ed|es|ing) (?:from )?(day|week|month) (?:to|by|over) \1", r"per \1"),
)

#: How a property may be called besides its own name, in stems; the first that the project has is meant.
PROPERTY_NAMES: Mapping[tuple[str, ...], tuple[str, ...]] = {
    ("country",): ("$geoip_country_name", "$geoip_country_code", "country", "country_code"),
    ("city",): ("$geoip_city_name", "city"),
    ("region",): ("$geoip_subdivision_1_name", "region"),
    ("continent",): ("$geoip_continent_name",),
    ("browser",): ("$browser", "browser"),
    ("web", "browser"): ("$browser", "browser"),
    ("os",): ("$os", "os"),
    ("operating", "system"): ("$os", "os"),
    ("operat", "system"): ("$os", "os"),
    ("device",): ("$device_type", "device_type", "device"),
    ("device", "typ"): ("$device_type", "device_type", "device"),
    ("device", "type"): ("$device_type", "device_type", "device"),
    ("kind", "device"): ("$device_type", "device_type", "device"),
    ("typ", "device"): ("$device_type", "device_type", "device"),
    ("page",): ("$pathname", "$current_url", "path", "url"),
    ("path",): ("$pathname", "$current_url", "path", "url"),
    ("pathnam",): ("$pathname",),
    ("url",): ("$current_url", "url", "$pathname"),
    ("host",): ("$host", "host"),
    ("domain",): ("$host", "host"),
    ("hostname",): ("$host", "host"),
    ("referrer",): ("$referring_domain", "$referrer", "referrer"),
    ("referr", "domain"): ("$referring_domain", "$referrer"),
    ("refer", "domain"): ("$referring_domain", "$referrer"),
    ("referr", "sit"): ("$referring_domain", "$referrer"),
    ("referral", "sourc"): ("$referring_domain", "$referrer"),
    ("traffic", "sourc"): ("utm_source", "$referring_domain"),
    ("sourc",): ("utm_source", "source", "$referring_domain"),
    ("utm", "sourc"): ("utm_source",),
    ("market", "sourc"): ("utm_source",),
    ("acquisition", "sourc"): ("utm_source",),
    ("medium",): ("utm_medium", "medium"),
    ("utm", "medium"): ("utm_medium",),
    ("campaign",): ("utm_campaign", "campaign"),
    ("library",): ("$lib",),
    ("sdk",): ("$lib",),
    ("model",): ("$ai_model", "model"),
    ("llm", "model"): ("$ai_model",),
    ("languag", "model"): ("$ai_model",),
    ("provider",): ("$ai_provider", "provider"),
    ("exception", "typ"): ("$exception_type",),
    ("exception", "type"): ("$exception_type",),
    ("typ", "exception"): ("$exception_type",),
    ("kind", "exception"): ("$exception_type",),
    ("sort", "exception"): ("$exception_type",),
    ("exception", "kind"): ("$exception_type",),
    ("exception", "messag"): ("$exception_message",),
    ("subscription", "plan"): ("plan", "subscription_plan"),
    ("price", "plan"): ("plan",),
    ("pric", "plan"): ("plan",),
    ("pricing", "plan"): ("plan",),
    ("tier",): ("plan", "tier"),
    ("product", "category"): ("category", "product_category"),
    ("product", "name"): ("product", "product_name"),
    ("product", "nam"): ("product", "product_name"),
}

#: Numbers people ask for by another name: words, the properties meant, the events they are read from.
MEASURES: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    (
        r"(?:order|basket|cart|purchase|transaction) (?:values?|sizes?|amounts?|totals?)|aov",
        ("revenue", "amount", "order_value", "total", "value"),
        ("order",),
    ),
    (
        r"(?:order )?revenues?|turnover|earnings?|gmv|proceeds|income|money|cash",
        ("revenue", "amount", "order_value", "total", "value"),
        ("order",),
    ),
    (
        (
            r"(?:units|items|pieces|articles|products) (?:were |was |got |are )?(?:sold"
            r"|ordered|bought|purchased)|sold (?:units|items|pieces|products)"
        ),
        ("quantity", "units"),
        ("order",),
    ),
    (r"input tokens?|prompt tokens?", ("$ai_input_tokens",), ("generation",)),
    (r"output tokens?|completion tokens?|generated tokens?", ("$ai_output_tokens",), ("generation",)),
    (
        (
            r"(?:ai|llm|model|generation) (?:costs?|spend(?:ing)?|expenses?)|costs? of (?:the "
            r")?(?:ai|llm|model)(?: (?:calls?|generations?|requests?))?"
        ),
        ("$ai_total_cost_usd",),
        ("generation",),
    ),
    (
        (
            r"(?:ai|llm|model|generation) (?:latenc(?:y|ies)|response times?|durations?)"
            r"|latenc(?:y|ies)(?: of| for)?(?: the| our)? (?:ai|llm) (?:generations?|calls?"
            r"|requests?|answers?|responses?)"
        ),
        ("$ai_latency",),
        ("generation",),
    ),
)

#: Ways to spend or earn money that have no noun for it.
MONEY = (
    r"how much (?:money )?(?:did|do|have|has|was|were|is) (?:we |people |users "
    r"|customers |they |the shop |visitors |our customers |everyone )?(?:been "
    r")?(?:(?:earn(?:ed)?|mak(?:e|ing)|made|spen[dt]|take|taken|sold|sell|brought"
    r"|bring)(?: in)?)|how much was (?:spent|earned|sold)"
    r"|(?:what|how much) (?:did|do|have|has) we (?:earn(?:ed)?|ma[dk]e)"
    r"|how much(?: money)?(?= (?:did|do|have|has) .*spen[dt])"
)

#: What events of PostHog's own are called, in stems.
EVENT_NAMES: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "$pageview": (("page", "view"), ("pageview",), ("page", "visit"), ("page", "load")),
    "$pageleave": (
        ("page", "leav"),
        ("pageleav",),
        ("page", "left"),
        ("page", "exit"),
        ("leav", "page"),
        ("left", "page"),
    ),
    "$screen": (("screen", "view"), ("screen",)),
    "$exception": (("exception",),),
    "$identify": (("identify",), ("identifi",), ("identification",)),
    "$ai_generation": (
        ("llm", "generation"),
        ("generation",),
        ("llm", "call"),
        ("llm", "request"),
        ("llm", "completion"),
        ("model", "call"),
    ),
    "$ai_trace": (("llm", "trace"), ("trace",)),
    "$autocapture": (("autocaptur",), ("click",)),
    "$groupidentify": (("groupidentify",),),
}

#: Country names and adjectives by code, for projects that store codes.
COUNTRIES: Mapping[str, str] = {
    "DE": "germany german",
    "US": "united-states usa america american u.s. states",
    "GB": "united-kingdom uk britain british england english great-britain",
    "FR": "france french",
    "NL": "netherlands dutch holland",
    "ES": "spain spanish",
    "SE": "sweden swedish",
    "IT": "italy italian",
    "PL": "poland polish",
    "AT": "austria austrian",
    "CH": "switzerland swiss",
    "BE": "belgium belgian",
    "DK": "denmark danish",
    "NO": "norway norwegian",
    "FI": "finland finnish",
    "IE": "ireland irish",
    "PT": "portugal portuguese",
    "CZ": "czechia czech",
    "GR": "greece greek",
    "HU": "hungary hungarian",
    "RO": "romania romanian",
    "UA": "ukraine ukrainian",
    "TR": "turkey turkish",
    "CA": "canada canadian",
    "MX": "mexico mexican",
    "BR": "brazil brazilian",
    "AR": "argentina argentinian",
    "CL": "chile chilean",
    "CO": "colombia colombian",
    "IN": "india indian",
    "CN": "china chinese",
    "JP": "japan japanese",
    "KR": "south-korea korea korean",
    "AU": "australia australian",
    "NZ": "new-zealand",
    "ZA": "south-africa",
    "NG": "nigeria nigerian",
    "KE": "kenya kenyan",
    "EG": "egypt egyptian",
    "IL": "israel israeli",
    "AE": "emirates uae",
    "SG": "singapore",
    "ID": "indonesia indonesian",
    "PH": "philippines",
    "VN": "vietnam vietnamese",
    "TH": "thailand thai",
    "MY": "malaysia",
    "PK": "pakistan",
    "BD": "bangladesh",
}

#: Other words for values that analytics libraries record.
VALUE_NAMES: Mapping[str, tuple[str, str]] = {
    "phone": ("$device_type", "Mobile"),
    "phones": ("$device_type", "Mobile"),
    "smartphone": ("$device_type", "Mobile"),
    "smartphones": ("$device_type", "Mobile"),
    "mobiles": ("$device_type", "Mobile"),
    "desktops": ("$device_type", "Desktop"),
    "computer": ("$device_type", "Desktop"),
    "computers": ("$device_type", "Desktop"),
    "tablets": ("$device_type", "Tablet"),
    "mac": ("$os", "Mac OS X"),
    "macs": ("$os", "Mac OS X"),
    "macos": ("$os", "Mac OS X"),
    "iphone": ("$os", "iOS"),
    "iphones": ("$os", "iOS"),
    "edge": ("$browser", "Microsoft Edge"),
    "direct": ("$referring_domain", "$direct"),
}

#: What people do with an error besides having it.
ERROR_VERBS = (
    r"(?:see|saw|seen|seeing|hit|hits|hitting|face[ds]?|facing|experienc\w+"
    r"|encounter\w*|ran into|run into|running into|met|meet|affected(?: by)?|throw\w*"
    r"|thrown|raised?|suffer\w*|got)"
)

#: Words around a number that make it a threshold.
THRESHOLDS: tuple[tuple[str, str], ...] = (
    (r"(?:more than|over|above|greater than|bigger than|larger than|exceeding|higher than|worth more than|>)", "gt"),
    (r"(?:less than|under|below|smaller than|lower than|cheaper than|fewer than|<)", "lt"),
    (r"(?:at least|minimum of|no less than|>=)", "gte"),
    (r"(?:at most|maximum of|up to|no more than|<=)", "lte"),
)
