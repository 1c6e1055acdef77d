"""A typical model, coded by `model_coder` without a primer: what its coder has read before any other model.

Written by `python tests/make_priming_model.py`.
"""

import base64

PRIMER = base64.b85decode(
    "k1rn~P*&w#{>*t~HmT3?9C89_P8nINfgA5c_*`^o(B6+g3m}-ZVVd~b4kqKsd1MZGWflCO7Vg_(RM7%pQmjX&`<AKqpAvRIw0|IOo+QzBe!!P1"
    "j9X0a*1Z4!|NsC0|NsB|63j<~(jit#daAim8i;OZSS{o~@r^!=FrQ3~wJUt3{s=5$aoA<QbNZMQGV^boqK>$NdY+)!KTu88evyiO;2Ou9B_78Q"
    ";noS~=qQlneDTK>4C%_z#XaG{@MtlHoFu^T91}cM&MItw><dmna0ryV)lb#HOKe9%1xJXL!r*(5HbiC9-3+&ph1ZYzsp}j^_W5U;00000Y-Dqr"
    "{E>4)hUi~pCjp${oF8oF_)xa5X!Jb<$f&{JmzaQ9z=0u!I-dCPVuH-6As2qo>F1R`m4g=8B<=DBfLV>Tprr7U6XoHxiLdEb7{EE0x8s_?XnQEs"
    "L1K24eCU}++;n#(#?*TBgg+@Q`rxcM1EJB-$tKe?4v>RM!$Q0_uARvd(LS~%cSS77xKl-G4PjNfGK>77qt$2wSvviWX6nDZEo+q|tZ*jsM2T%7"
    "<bfqJ1*?wUT%wZ#I&-n=NWT3wEMOo#O7PbN9OlC&&vU6bXeY<}H<<ZSKRWV%0kY)d-1kq%>VQvCi0ES;U#C$f&T|!y%^t=j>x-9>2xvV6A`f0Y"
    "gBkI{VsaN#smh;im<vDvm-oh+g@(-3M52Nr89&t5k_cVUQE1bX(2h260CVBr-%_V}<$YWjcy$zkiV2d+H8RBfE56+UR15mYw|UMcMu%;7Gr+wU"
    "0lu&gy@gqbr^<!Wt`Sh<LqK--kzU0&h#UwqGcarEv)VU2ps)rizTXud$Af{#1LPD3{CI8JnU$&dg+oTrqnw~d?MEX!Tte9vF1C33mV(3M4ww"
)
