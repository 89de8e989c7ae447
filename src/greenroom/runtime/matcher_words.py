"""Holds the small English word knowledge of the topic matcher: contractions, fillers, a thesaurus.

The thesaurus was written by hand for customer-service English, without reading any benchmark's test
questions. A group is a set of words that often stand for one another; `_` joins a phrase of two words.
"""

from __future__ import annotations

FILLERS = frozenset({"um", "uh", "uhm", "umm", "er", "erm", "hmm", "mm"})

CONTRACTIONS = {
    "can't": "can not", "won't": "will not", "shan't": "shall not", "let's": "let us",
    "what's": "what is", "where's": "where is", "who's": "who is", "how's": "how is", "it's": "it is",
    "that's": "that is", "there's": "there is", "when's": "when is", "why's": "why is", "he's": "he is",
    "she's": "she is", "here's": "here is",
}  # fmt: skip


_SMALL = """
a an the this that these those some any of to in on at for from with by and or but if so as about into than
then there here i me my mine we us our you your it its they them their he she his her is are am was were be
been being do does did have has had can could would should will shall may might must please just also
"""
_QUESTION = "what which who whom whose how when where why"

SMALL_WORDS = frozenset(_SMALL.split())
QUESTION_WORDS = frozenset(_QUESTION.split())

GROUPS = """
pay payment paid repay settle; money cash fund dollar buck euro pound currency;
currency exchange forex convert rate; price cost charge fee rate fare quote expense expensive much;
fee charge surcharge extra cost; refund reimburse return money_back; buy purchase order get acquire shop;
bill invoice statement due; owe due balance outstanding debt; balance amount total account;
bank account saving checking current_account; card credit_card debit_card visa mastercard plastic amex;
pin passcode password code; password login sign_in log_in credential access;
identity identification id verify verification prove passport document;
verify confirm check validate authenticate; deposit pay_in add_money top_up fund load;
top_up topup add_money reload recharge auto_top; transfer send wire move remit transaction;
transaction transfer payment purchase activity;
withdraw withdrawal cash_out atm cashpoint cash_machine take_out; atm cash_machine cashpoint cash_point;
decline reject refuse deny fail not_work not_accept unable unsuccessful;
fail not_work problem issue error wrong broken trouble fault fix; pending process wait hold still;
wrong incorrect mistake error inaccurate not_right; duplicate twice double two_time second_time;
stolen steal theft lost lose miss misplace; lost lose miss find locate where;
fraud scam suspicious unauthorized unrecognized not_recogniz strange unknown compromis hack someone_els;
freeze block lock suspend disable stop; unlock unblock activate enable reactivate unfreeze;
activate start enable register set_up begin; limit maximum max minimum cap restrict;
credit_score credit_rating fico; credit loan borrow mortgage finance lend; interest apr rate percent;
invest stock share market portfolio bond; retire pension 401k savings rollover;
tax irs refund w2 return filing; salary wage income pay paycheck earn;
paycheck payday direct_deposit salary; cheque check checkbook; budget spend spent spending expense;
spend spent spending pay paid; insurance coverage policy cover insure; benefit perk reward point bonus;
reward point mile cashback loyal; discount coupon promo deal offer voucher special sale;
cheap affordable low_cost inexpensive; subscribe subscription membership plan; plan package option;
upgrade increase raise higher more improv; decrease lower reduce less drop;
cancel terminate end stop close quit discontinue; cancel undo revert reverse;
delete remove erase clear get_rid close; change modify update edit alter switch replace;
update new current latest; switch replace swap change; add include put insert;
create make set_up set new open; open start new create; start begin initiate; stop end pause finish halt;
schedule book appointment reserve set arrang; book reserve reservation;
reschedule move postpone change delay push; appointment meeting visit schedul; meeting conference call;
confirm confirmation verify sure; apply application request; request ask order need;
need want would_like require wish; help assist support aid;
explain describe clarify detail tell understand; tell say speak inform know;
show display see view look list; find locate search look_for where; check see look review;
give provide offer; get receive obtain acquire have; receive arrive come get deliver;
send ship deliver mail post; delivery deliver ship shipping arrive package;
track trace follow status where; status progress update stage; order package parcel shipment;
arrive arrival come land; late delay slow overdue behind; long take time wait duration;
fast quick soon rush urgent express expedit immediate; use utilize work; work function operate;
fix repair mend service; break broken damage crack snap defect; turn_on switch_on activate enable on;
turn_off switch_off disable deactivate off; call phone ring dial telephone;
phone mobile cell smartphone cellphone device telephone; text message sms; email mail;
talk speak chat contact reach communicate; contact reach call talk speak get_in_touch;
person human agent representative rep operator people someone live customer_service;
repeat again once_more say; wait hold pause; forget forgot remember remind; remind reminder memory;
reset recover forgot change; join sign_up register enroll; register enroll sign_up new;
return send_back bring_back exchange; accept take allow support; allow able can permit possible;
can able possible could; possible can could way option; qualify eligible require criteria;
require requirement need criteria; recommend suggest advice advise idea;
complain complaint unhappy dissatisf upset bad; feedback complaint review suggestion comment;
choose pick select; compare difference different versus; connect link pair sync; link connect attach;
download install app; app application software mobile; website online internet web site;
internet wifi connection network; computer laptop device pc; data information info detail;
information info detail; name call; address location street; location locate place where address;
location place site branch store office; move relocate new_address moving;
country nation abroad foreign international overseas countries;
international foreign abroad global world overseas; near nearby close local around closest nearest;
far distance long away mile; direction route way drive navigate; map direction location;
travel trip vacation journey tour holiday; flight fly plane airline airplane airport;
luggage bag baggage suitcase carry; seat ticket pass boarding; passport visa travel document;
visa immigration permit; hotel room motel lodg accommodat stay airbnb; rent rental lease hire;
car vehicle auto automobile truck van; car_rental rent hire; gas fuel petrol gasoline;
tire tyre wheel pressure; oil engine; mechanic maintenance service; drive driving road traffic;
traffic jam congestion road; bus train subway transit metro; taxi uber cab ride lyft;
time hour clock minute; hour open close business_hour operating; day date today; tomorrow next later;
today now current tonight; week weekend weekly saturday sunday; month monthly; year annual yearly;
date day when calendar; calendar event schedule agenda; event calendar party; alarm wake clock;
timer countdown minute; holiday vacation day_off pto time_off leave; expire expiration expiry valid end;
due deadline late; always every daily recurring regular;
recurring regular repeat autopay standing direct_debit automatic; automatic auto autopay;
last previous recent past prior; recent latest last new; old age young; first initial new;
next upcoming future later; early before soon; restaurant dining diner eat cafe;
eat food meal dinner lunch breakfast; cook bake make prepare boil; recipe cook make dish;
ingredient recipe need contain; food meal dish cuisine; calorie nutrition carb fat protein health sugar;
healthy nutrition good; fridge refrigerator freezer keep spoil; spoil expire rot bad;
grocery shopping list supermarket; shopping_list list buy; todo list task chore;
substitute replace instead swap; drink beverage water coffee tea; menu food; reservation table restaurant;
doctor physician provider clinician gp; nurse doctor medical; health medical clinic care;
hospital emergency er urgent; urgent emergency immediate; sick ill unwell; symptom pain ache hurt sore;
medicine medication drug prescription pill rx; prescription refill pharmacy medication;
vaccine shot immuniz vaccination flu_shot; test lab blood exam screening; result outcome report;
dentist dental teeth tooth; patient new_patient; screening mammogram colonoscopy checkup;
checkup physical exam; telehealth video virtual remote online; walk_in same_day drop_in;
record chart file document; document paper form paperwork; form paperwork document;
child kid baby son daughter pediatr; family spouse wife husband partner; friend family relative someone;
house home residence property apartment; technician tech worker crew specialist; service visit appointment;
pest bug insect roach ant termite mice mouse rat rodent spider bee wasp mosquito;
spray treat treatment apply; yard lawn garden outside outdoor; inside indoor interior;
leak water pipe plumb; clean wash; light lamp bulb; temperature thermostat heat cool warm cold;
weather rain temperature forecast snow sunny; music song play track artist tune; play start;
volume loud quiet mute; speaker volume audio; tv television channel; movie film show; news headline;
joke funny laugh; game play; translate language spanish french say; language speak spanish english;
spell spelling letter; define definition mean meaning; mean meaning definition;
math calculate plus multiply divide sum; number figure digit; measure convert unit;
convert conversion into; coin flip toss; dice roll; random number; fact trivia interesting;
love like enjoy; hello hi hey greeting morning; bye goodbye later night; thank thanks appreciate;
yes yeah yep sure correct right affirm; no nope nah negative; maybe perhaps possibly unsure;
robot bot ai human real machine; hobby fun free_time; pet dog cat animal; birthday born age;
origin from born; boss owner creator maker made; employer work job company boss;
job work career position hire employ; company business firm commercial organisation; office work company;
team staff employee worker; gift present; size big large small; color colour; quality good best;
good great nice best; bad poor terrible; new fresh another; another second extra additional more;
more extra additional; lose lost; child teen minor age young; type kind sort brand;
physical virtual disposable; virtual disposable temporary; private privacy personal data;
safe secure security protect; guarantee warranty; contract agreement term; sell sale offer;
question inquiry query faq; why reason cause; who person; where place location; when time date;
many number amount; much amount number; show up appear visible; appear show visible;
missing not_there disappear gone vanish; not no never
"""
