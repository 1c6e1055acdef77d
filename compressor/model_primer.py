"""A typical model, coded by `model_coder` without a primer: what its coder has read before any other model.

Written by `python tests/make_primer.py`.
"""

import base64

PRIMER = base64.b85decode(
    "k1rn~P*&w#{>*t~HmT3?9C89_P8nINfgA5c_*`^o(B6+g3n0#2be+Q)30YQMfDvI%H1}BBV`wbX@2ZR?+>Cq;H_{!_%)HtiaXm$NUZXgIW>3vi"
    "#i}3w|NsC0|NsC0{lc_)fA%}SBqQ+V1Ty$B(HB_RmjxqJVs3+q5E0o)ZN=CpK8Wn!1xN|vkRkkJO6Uwmnr<1i^qbY%AIoek$8>4p@nS>aEi+fA"
    "8b1ia{GaY9I4QMqGPxJY@VTS-zjS_V0FIm;T;%)wCChwvN@NW-oqoKc-Q45r!_g>~Zq1N}TXL!91uTa7y$PHH^*8xOtN;K24Q360KEnU@9RLFL"
    "1E_k)cy%0e{-dX@i`HQCsxVu-@TY01fNd8BzA0?Lg?73)Euw4pUXk-5B?6SkS3HPBZwC^8Rbz{Tw7Wjprx^=he>7*LJtW2IKr%GbrMpDLPoQ-G"
    "rxw$Y{djPeG1--jJ(p16s5SztNj6i*beD?A(#;~iYf-ZrgH`JF?{7MwNRA0QPN3K%7=1iC)Ig6GOLH;(Yo_6t(V)k=h2EzXGaojZe9kLX(<aG5"
    ";<Cm%w^~Y8rD_zk#spcGSDopH3%2i6hZs9GqwYu`tbNPM=7xjR!|xG^yC6Mc?<>U<7`>6S2C<tOp&t=%Ge=hH{>*2Wzjf&8?2@PC1h$m(|GP$O"
    "D%!*?9e_wN**qBosv2NIRj48XtcZ5;IvJ0W$R;2H&YyMmT_F%nxhj-zTh5>7R6!rAYT0yBihu7=Lv(b!<xoSXWKz>GHi)n2my|tuoyep&AbwXq"
    ">mV-za47l9)&t4@E!l@}hii{jsNHF+`veNY?1fy6lC|w@H!JRI4x=TB@5%fh!Jl!0VtIR&{L7o&Pt{c&0{}ovK$skBWP@p%FBz="
)
