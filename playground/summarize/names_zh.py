"""Names in a Chinese text: of people, places, companies and works. By form, and by what common words leave over.

A text is cut into common words first; a name is where that leaves single signs which begin like a name. A part of what
it finds is no name: it is meant for asking whether a source has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from playground.summarize.places import known_chinese, word_list

SURNAMES = set(
    "王李张刘陈杨赵吴徐孙朱胡郭何林罗郑梁谢宋唐许邓韩冯曹彭曾肖蔡潘袁董余苏叶吕魏蒋杜丁沈姜范傅钟卢汪戴崔廖谭邹熊陆郝孔邱秦侯邵"
    "孟薛雷贺龚贾夏阎尹闫段顾赖覃武戚樊莫毛俞柳葛岑薄倪喻裴阮龙康钱欧牛耿关黎施洪庞祁殷柯聂凌焦卓芦骆辛宗屠甄靳邢裘缪荀芮栾詹郜蒲蔺翟姬冉郦濮冀晏柴瞿茹艾庾匡寇晁敖阚饶鞠蒯荆桓佟褚窦臧卜丛岑"
)
_RARE = set(
    "黄周马高田任方石姚金邹白江史陶万黄温易向常汤乔文安路海严童舒左鲁温华季裴项祝盛应游尤蓝祝冷麻席明简幸卫浦卞巫房单包鲍毕云费廉和"
)
"""Surnames that are common words, too."""
_DOUBLE = {"诸葛", "欧阳", "司马", "上官", "司徒", "夏侯", "皇甫", "尉迟", "公孙", "慕容", "令狐", "端木"}
_GIVEN = set(
    "文明国家德华军志生小建平靖光玉元永金海天晓宗东云英师山春江祥安宝庆王龙世伯道正立仁忠民学伟先新士俊良兵维荣丽昌敏成秀武振"
    "清义思襄祖保杰兴亚福君达汉爷飞兰凤利刚峰红贵梅芳树少方宏镇景松美斐瑞宇绍连贤强心承继臣嘉才青书守如康玲基真敬奇笑宁南希孝辉"
    "阳顺延鸿斌广城鹏惠仲洪秋铁可远启健诚慧进勇吉超泽耀锡亮胜尚培燕传力萍章雄彦时雪泰同善友村智泉素权全珍定信麟石涛邦卿浩博香剑桂"
    "爱将虎礼帝伦森姐震丹领主白洛水升贞锦川年星喜梦凯龄任加坚灵衡炳仪怀知富雷莲望楚总马佩政汝鸣寿乐雅万木静芬诗冰旭莉铭月霞鹤崇"
    "庭裕齐恒霖原晋曼源岩勋哲奎宪佳京乾毅冠艳茂儒声理钟直越琪献钧勤司琴谦必润古纯欣柏伊若瑜娜婷琳洁娟媛雯倩岚薇蕾颖丹妮婉怡悦彤"
    "轩辰宸睿涵梓晨阳昊晗彬磊鑫淼翔宁航帆楠桐榕杉彪豪俭恺恩琛璐瑶瑾瑛珊珠珂琼碧翠蓉芝芹芸苗若茜荷菊萱蓓蔚薇兆立丽宜淑贤娥娴嫣"
    "熙煜炜烨焕煌灿炎燃焱迪逸逊遥远邦郁鉴钊铮锋锐镜陶雁霆韬飏骏骥鲲鹃鹭黎默齐宝威帅岳岭峻嵘川州巍巧平强彭影征徽德心忆怀恬情想愉"
    "意慈憬懿成承拓挺捷政敏敬文斌新方旺昀昂昌昕易昱昶晁显晏晔晖景晴晶智暄曦曙朗朋杏松林枫柔标栋桃桦森棠楷槐樱歆正殷毓民永汉沁沛波泓"
    "泽洋津洲流浦浪海涌润清渊渝湘湛源溪滔滨漫澄澜潮瀚然爽琦甜畅皓益盈眉磊祎祖祯福禄禹秉秋稳穆竹笛筠紫红纬绍维绮群羽翎翰耀聪肃腾舒舟良艺"
    "栩宽池飏壮尧舜勃朝怡珏霄震骁倡升参发合和品唯喆喜圆坤垚培堃墨大天奇子孝学守官定宜客宾密富寅寒岗川工巨希帆常干平年广庄康建开弘征律循"
)
_ENDS_NO_NAME = set("和同可会从来因要对向为当应与及在由是有能说称对把被将让给用也还都又等")
_ROLES = (
    "教授|先生|女士|小姐|博士|经理|总经理|主任|总统|主席|总理|部长|局长|院长|校长|老师|同学|医生|律师|记者|董事长|总裁|工程师|研究员|市长|省长|县长"
    "|书记|会长|队长|组长|导演|演员|作家|诗人|画家|院士|将军|司令|皇帝|夫人|法官|所长|处长|科长|秘书长|发言人|创始人|教练|选手|同志|大使|专家|馆长|站长"
    "|志愿者|知府|总督|都督|负责人|董事|监事|爵士|首相|议员"
)
_VERBS = (
    "说|表示|认为|指出|负责|担任|提出|宣布|介绍|强调|告诉|写道|发现|建议|批准|主持|汇报|同意|反对|出席|问|回答|称|等|要求|透露|坦言|回忆|出生|生于|逝世|去世"
    "|把|将|被|与|和|及|、|于|在|从|向|对|因|曾|是|的|获|率|任|为|也|还|已|则|没有|去|到|来|讲|谈|写|带|毕业|结婚|考入|创办|创立|领导|参加|缺席|接替|代表|签|出|并|用|让|给|之"
)
_AROUND = re.compile(
    rf"(?:{_ROLES}|由|与|和|及|、|：|:|，|。|“|（|\(|^|给|对|向|把|被|请|叫|是|为|名|人|让|跟|据|任|之|父亲|母亲|儿子|女儿|妻子|丈夫|\s|的|师从|到|去|\d)$"
)
_AFTER = re.compile(rf"(?:{_ROLES}|{_VERBS}|[，。、；：）)（(！？\s”\d]|$)")
_ROLE_AFTER = re.compile(rf"(?:{_ROLES})")
_ROLE_BEFORE = re.compile(rf"(?:{_ROLES})$")
FOREIGN = set(
    "阿艾安奥巴贝本比彼宾波伯博布查达戴丹德迪蒂杜多恩尔法菲费弗福盖戈格古哈海汉赫亨胡华霍基吉加杰金卡凯坎康考科克肯库拉莱赖兰"
    "朗劳勒雷里莉利林琳隆卢鲁路伦罗洛马玛迈麦曼梅门蒙米密莫默姆穆内纳奈南尼诺努欧帕派佩彭皮普奇契乔切瑞萨塞桑瑟莎沙史施斯丝苏"
    "索塔泰坦特提图托瓦威韦维温沃乌西希夏谢辛休雅亚扬耶伊英尤约扎詹珍朱兹佐因翰夫森顿恰逊汀娜娅丽妮茜露蕾黛芙琼卢居里狄荷佛范埃摩肖贾罕甘文赞津圭乍厄毛撒冈腊塞舌龙杨崔葛格辛妲婷菈"
)
"""Signs that write foreign names."""
_FOREIGN_RUN = re.compile(f"[{''.join(sorted(FOREIGN))}]{{3,}}")
_DOTTED = re.compile("[\u4e00-\u9fff]{1,8}(?:[·•‧][\u4e00-\u9fff]{1,8})+")
_ORGANS = re.compile(
    "(?:有限|责任|股份|控股)*(?:公司|集团)|大学|学院|医院|银行|委员会|协会|研究所|研究院|实验室|基金会|出版社|法院|检察院|中学|小学|学校|科技|电器|电子|建工"
    "|资本|证券|保险|药业|制药|汽车|能源|航空|传媒|地产|智能|机场|车站|火车站|博物馆|图书馆|体育馆|广场|大桥|大厦|公园|日报|晚报|时报|杂志|酒店|饭店|书店|书屋|乐团|剧院"
    "|[省市县州](?![场民政区面售值长级立内委府城])|自治区|[镇村](?![民里子长上])|[区](?![域分别间块])|[寺庙](?![院宇])|[路街](?=\\d|[东西南北中]|[一二三四五六七八九十]+号)"
)
_TITLE = re.compile("《(?P<name>[^《》]{1,40})》")
_HAN_RUN = re.compile("[\u4e00-\u9fff]+")
_EMPTY = set(
    "的了在是和与及或从由到向对于为被把将让给以按据如因这那该本各每某其他她它们我你您等所个家些名位来自着过就都也并而且但还又再不没有无很最更"
    "较约近共总仅只已曾正才便却则若即使可能会要想应须需得使用去上下中内外前后里间时日月年天号起止至今昨明多少几两一二三四五六七八九十百千万"
    "亿元角分次种类项条件台部辆架艘只张份封篇本册座栋幢所层间场届期轮级等第余来大小新老旧高低长短好坏快慢男女人成说称做作出进入回看见听写读"
    "买卖开关打拿放走跑站坐住吃喝像比叫请问答此之乎者也矣吗呢吧啊"
)
_INSIDE = set("中大小新老长高天上下内外前后南北东西一二三四五六七八九十百千万人")
"""Empty by themselves, but in names of companies and schools."""


class Found(NamedTuple):
    """What looks like a name at `start` to `end`; of a company or school `core` is what tells it from others (清华).

    What is `loose` are only signs that no common word explains: where exactly it begins and ends is not known.
    """

    start: int
    end: int
    core: str = ""
    loose: bool = False


def chinese_names(text: str) -> Iterator[Found]:
    """What looks like a name in `text`; one may lie inside of another."""
    for one in _TITLE.finditer(text):
        yield Found(*one.span("name"))
    for one in _DOTTED.finditer(text):
        yield from _dotted(text, one)
    known = [one.span() for one in known_chinese().finditer(text)]
    for start, end in known:
        yield Found(start, end)
    for run in _HAN_RUN.finditer(text):
        cuts = _cuts(run.group())
        yield from _people(text, run.start(), run.end(), cuts)
        yield from _foreigners(run, cuts)
        taken = {place for start, end in known for place in range(start, end)}
        yield from _strangers(text, run.start(), cuts, taken)
        yield from _organs(text, run, cuts, taken)


def _dotted(text: str, one: re.Match[str]) -> Iterator[Found]:
    """约翰·范恩, without the words around it."""
    end = one.end()
    start = first = re.search("[·•‧]", text[one.start() : end]).start() + one.start()  # type: ignore[union-attr]
    while start > one.start() and text[start - 1] in FOREIGN:
        start -= 1
    if start == first:
        return
    last = max(text.rfind(dot, start, end) for dot in "·•‧") + 1
    while last < end and text[last] in FOREIGN:
        last += 1
    if last - start > 2:
        yield Found(start, last)


def _cuts(run: str) -> list[int]:
    """Where the words of a run of Chinese signs begin: as few common words as possible, and the end of the run."""
    words = word_list("chinese.txt")
    best: list[tuple[float, int]] = [(0.0, 0)] * (len(run) + 1)
    for end in range(1, len(run) + 1):
        choices = [(best[end - 1][0] + (1.0 if run[end - 1] in _EMPTY else 1.4), end - 1)]
        choices += [
            (best[start][0] + 1.0, start) for start in range(max(0, end - 4), end - 1) if run[start:end] in words
        ]
        best[end] = min(choices)
    cuts, at = [len(run)], len(run)
    while at:
        at = best[at][1]
        cuts.append(at)
    return cuts[::-1]


def _people(text: str, start: int, end: int, cuts: list[int]) -> Iterator[Found]:
    inner = {start + cut for cut in cuts}
    at = start
    while at < end:
        size = 2 if text[at : at + 2] in _DOUBLE else 1
        found = 0
        if at in inner and (size == 2 or text[at] in SURNAMES or text[at] in _RARE):
            found = next((length for length in (2, 1) if _person(text, at, size, length, end, inner)), 0)
        if found:
            yield Found(at, at + size + found)
        at += size + found if found else 1


def _person(text: str, at: int, size: int, length: int, end: int, inner: set[int]) -> bool:
    """Is there a person's name at `at`: a surname of `size` signs and `length` more?"""
    last = at + size + length
    if last > end or last not in inner:
        return False
    given = text[at + size : last]
    if given[-1] in _ENDS_NO_NAME:
        return False
    role = bool(_ROLE_AFTER.match(text, last) or _ROLE_BEFORE.search(text[max(0, at - 4) : at]))
    alone = all(place in inner for place in range(at + size, last))
    usual = all(sign in _GIVEN for sign in given)
    sure = bool(_AFTER.match(text, last)) and bool(_AROUND.search(text[max(0, at - 4) : at]))
    if size == 1 and text[at] in _RARE:
        return usual and (role or sure) and (alone or role)
    if any(sign in _EMPTY and sign not in _GIVEN for sign in given):
        return False
    return role or (usual and (alone or sure)) or (alone and sure)


def _foreigners(run: re.Match[str], cuts: list[int]) -> Iterator[Found]:
    """Three or more signs that write foreign sounds, two of them not parts of a common word."""
    inner = set(cuts)
    for one in _FOREIGN_RUN.finditer(run.group()):
        start, end = one.span()
        while start not in inner:
            start += 1
        while end not in inner:
            end -= 1
        pieces = [after - cut for cut, after in pairwise(cuts) if start <= cut < end]
        if end - start >= 3 and pieces.count(1) >= 2:
            yield Found(run.start() + start, run.start() + end)


def _strangers(text: str, offset: int, cuts: list[int], taken: set[int]) -> Iterator[Found]:
    """Three or more signs in a row that are no common word together, or two that write foreign sounds."""
    single = [
        offset + cut
        for cut, after in pairwise(cuts)
        if after == cut + 1 and text[offset + cut] not in _EMPTY and offset + cut not in taken
    ]
    first = 0
    for at in range(1, len(single) + 1):
        if at == len(single) or single[at] != single[at - 1] + 1:
            start, end = single[first], single[at - 1] + 1
            foreign = all(sign in FOREIGN for sign in text[start:end])
            if end - start >= 3 or (end - start == 2 and foreign):
                yield Found(start, end, loose=not foreign)
            first = at


def _organs(text: str, run: re.Match[str], cuts: list[int], taken: set[int]) -> Iterator[Found]:
    """What stands before "university" and the like and belongs to its name: the words back to the first empty one."""
    inner = [run.start() + cut for cut in cuts]
    for one in _ORGANS.finditer(text, run.start(), run.end()):
        begin = one.start()
        if begin not in inner or begin in taken:
            continue
        for cut in reversed([cut for cut in inner if cut < one.start()]):
            piece = text[cut:begin]
            if one.start() - cut > 8 or (len(piece) == 1 and piece in _EMPTY and piece not in _INSIDE):
                break
            begin = cut
        core = text[begin : one.start()]
        if len(core) >= 2:
            yield Found(begin, one.end(), core)
