"""Everyday English words: none of them is a misspelling of something else, whatever it resembles."""

from furze.llm.builtin.lexicon import words_of

EVERYDAY = words_of("""
    able above accept access accident according account across act action actual add address advice afternoon again
    age ago agree ahead air almost alone along already although always angry animal annual another anyone anywhere
    apart appear apply area arm army arrange arrive art ask asleep attack attempt attention aunt autumn avoid awake
    away baby back bad badly bag ball band bank bar base basic bath beach bear beat beautiful because become bed
    bedroom beer began begin behave behind believe bell below belt bend best better beyond bicycle bill bird birth
    bit bite black blame blank block blood blow blue board boat body bomb bone book boot border boring born borrow
    both bottle bottom bowl box boy branch brave bread break breakfast breath bridge brief bright broad brother brown
    brush build building bulk burn bury bus bush business busy butter button cake camp can cap car card care career
    careful carry case cash castle cat catch cause ceiling center central certain chain chair chance charge cheap
    check cheese chicken child children choice choose church circle city claim class clean clear clever climb clock
    close closed cloth clothes cloud coach coal coast coat code coffee coin cold collect college color colour column
    comb combine comfort comment common complain complex computer concern condition confirm confused connect consider
    contact contain content context continue contrast control convert cook cool copper copy corn corner correct cost
    cough court cover crash crazy cream create crime cross crowd cruel cry cup curtain curve customs cut damage dance
    danger dark date daughter dead deal dear death debt decide deep default delay delete deliver demand dentist
    depend describe desert design desk detail die differ difficult dig dinner direct direction dirty discount discuss
    disease dish distance divide doctor dog door double doubt dozen draft draw dream dress drink driver dry dust duty
    early earn earth east easy eat edge effect egg eighty either elder elect electric element else empty enable end
    enemy energy engine enjoy enough enter equal error escape estimate even evening evidence exact example excellent
    excite excuse exercise expect expensive expert explain extra extreme eye face fact factor fail failure fair fall
    false fame family famous far farm fast fat fault fear feature feed feel female fetch field fifty fight file fill
    film final finance fine finger finish fire firm fish fit fix flag flat flight floor flow flower fly fold follow
    food foot foreign forest forget forgive fork forty forward four free freedom freeze fresh friend front fruit full
    fun funny further future gain game garden gas gate gather general gentle gift girl glad glass goal gold good
    goods government grass gray great green grey ground guess guest guide guilty gun habit hair half hall hand hang
    happy hard hardly hat hate head health hear heart heat heavy height help hide high hill hire history hobby hold
    hole holiday holy hope horse hospital hot hotel house huge human hungry hurry hurt husband ice idea ideal ignore
    ill image imagine important improve inch include income indeed index inform inside instead insult interest
    internal invite iron island issue item jam job join joke judge jump junior keep key kick kid kill kind king
    kitchen knee knife knock know label lack ladder lady lake lamp land language large last late later laugh law lazy
    lead leader leaf learn least leave left leg legal lend length lesson letter level library lid lie life lift light
    limit line link lion lip liquid listen little live load loan local lock lonely long loop lose loss lost lot loud
    love low lower loyal luck lunch machine magic mail main male manage manager manner map mark market marry master
    match material matter maximum meal mean means measure meat medal media medicine meet meeting member memory mend
    menu message metal method middle might milk million mind minute mirror miss mistake mix mode model modern moment
    money monitor mood moon morning mother motor mountain mouth move movie music name narrow nation nature near
    nearly neck negative neighbor nephew nervous net network never new news next nice niece night nobody noise none
    normal north nose note nothing notice nurse object observe ocean odd offer office officer often oil old once
    online only onto open operate opinion opposite option orange orbit organ origin other ought outside oven owe own
    owner pack package page paid pain paint pair pale pan paper parcel pardon parent park part partner party pass
    past path pattern pause pay payment peace peak pen pencil per percent perfect perhaps permit phase phone photo
    pick picture piece pin pipe place plain plane plant plastic plate play player pleasant please plenty pocket poem
    point poison police polite pool poor port position possible post pot potato pound pour power practice praise pray
    prefer prepare present press pretty prevent price pride prince print prison private prize problem process produce
    profit program promise proper protect proud prove provide public pull pump punish pupil pure purpose push put
    queen question queue quick quiet quit quite race radio rain raise range rank rare rate rather raw reach react
    read ready real reason receive recent recently recipe red reduce refer reflect refund refuse regard region
    regret regular relation relative release remain remember remind remove rent repair repeat reply report request
    rescue reserve respect rest result retail retry return review reward rice rich ride ring ripe river road rob rock
    role roof room root rope rose rough round route row royal rubber rude rule run safe sail salad sale salt same
    sample sand save scale scan scene school science score screen script sea search season seat second secret section
    secure seed seem select sell send senior sense sentence separate series serious servant serve service session
    setting several shade shadow shake shape share sharp sheet shelf shell shine ship shirt shock shoe shoot short
    shot shoulder shout shut sick side sign signal silence silver similar simple since sing single sink sister size
    skill skin skip skirt sky sleep slice slide slight slip slow small smart smell smile smoke smooth snow soap
    social society sock soft soil soldier solid solve son song soon sort sound soup source south space spare speak
    special speed spell spend spider spot spread spring square stable stage stair stamp stand star start stay steal
    steam steel step stick still stock stomach stone stop store storm story straight strange stream street strict
    string strong student study stuff stupid style subject succeed success sudden suffer sugar suggest suit summer
    sun supply support suppose sure surface surprise sweet swim switch sword symbol system table take talk tall tank
    task taste tax tea teach team tear teeth tell temper tend tent term terrible test text thank thick thin think
    third thirst thousand threat throat throw thus ticket tidy tie tight till tiny tip tired title toe together token
    ton tone tool tooth top topic total touch tour toward towel tower town toy trace track trade traffic trail train
    translate transport travel treat tree trial trick trip trouble true trust truth try turn twice twin type ugly
    uncle under unit unite unless until upper upset urban urgent useful useless usual valley value van variety vast
    vehicle venue verb version very victory video view village violent voice volume vote wage wait wake walk wall
    wander war warm warn wash waste watch water wave weak wealth weapon wear weather wedding weekend weigh weight
    welcome west wet wheel while white whole why wide width wife wild win wind window wine wing winter wire wise wish
    witness woman women wood wool word work worker world worry worse worst worth wound wrap write wrong yard yellow
    young youth zero zone
""")
